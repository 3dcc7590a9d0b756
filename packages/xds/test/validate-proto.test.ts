import t from 'tap';
// @ts-expect-error a script without types
import { withIgnoreEmpty } from '../scripts/validate-proto.mjs';

t.test('each kind of rule gains ignore_empty, and others are left alone', async (t) => {
  const source = 'message StringRules {\n}\nmessage UInt32Rules {\n}\nmessage BoolRules {\n}\n';
  t.equal(
    withIgnoreEmpty(source),
    'message StringRules {\n    optional bool ignore_empty = 26;\n}\n' +
      'message UInt32Rules {\n    optional bool ignore_empty = 8;\n}\nmessage BoolRules {\n}\n',
  );
  t.equal(withIgnoreEmpty(withIgnoreEmpty(source)), withIgnoreEmpty(source), 'once only');
});
