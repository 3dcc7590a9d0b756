import { create, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { type ReflectList, type ReflectMap, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { registry } from '@tulle/xds';
import t from 'tap';
import { Refusal } from '../../src/translate/refusal.js';
import { refuseUnknown } from '../../src/translate/strict.js';
import { understood } from '../../src/translate/understood.js';

/** Sets a field to something that is not its default. */
function fill(message: ReflectMessage, field: DescField): void {
  if (field.fieldKind === 'list') (message.get(field) as ReflectList).add(contentFor(field));
  else if (field.fieldKind === 'map') {
    const key = field.mapKey === ScalarType.STRING ? 'key' : 1;
    (message.get(field) as ReflectMap).set(key, contentFor(field));
  } else message.set(field, contentFor(field));
}

function contentFor(field: DescField): unknown {
  if (field.message !== undefined) return reflect(field.message);
  if (field.enum !== undefined) return field.enum.values.find(({ number }) => number !== 0)?.number ?? 0;
  return scalar(field.scalar);
}

function scalar(type: ScalarType): string | boolean | number | bigint | Uint8Array {
  switch (type) {
    case ScalarType.STRING:
      return 'text';
    case ScalarType.BOOL:
      return true;
    case ScalarType.BYTES:
      return new Uint8Array([1]);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 1n;
    default:
      return 1;
  }
}

function schemaOf(typeName: string): DescMessage {
  const schema = registry.getMessage(typeName);
  if (schema === undefined) throw new Error(`${typeName} is not a message of Envoy's`);
  return schema;
}

t.test('the table names messages and fields that exist', async (t) => {
  for (const [typeName, fields] of Object.entries(understood)) {
    const names = schemaOf(typeName).fields.map(({ name }) => name);
    t.same(
      fields.filter((field) => !names.includes(field)),
      [],
      typeName,
    );
  }
});

t.test('every field that is set and not in the table is refused by its name', async (t) => {
  let count = 0;
  for (const [typeName, fields] of Object.entries(understood)) {
    const schema = schemaOf(typeName);
    for (const field of schema.fields) {
      if (fields.includes(field.name)) continue;
      const message = create(schema);
      fill(reflect(schema, message), field);
      t.throws(
        () => refuseUnknown(schema, message, 'at'),
        new Refusal(`at.${field.name}`, 'this field is not understood'),
      );
      count++;
    }
  }
  t.ok(count > 300, `${count} fields`);
});

t.test('what is not set is fine', async (t) => {
  for (const typeName of Object.keys(understood)) {
    const schema = schemaOf(typeName);
    t.doesNotThrow(() => refuseUnknown(schema, create(schema), ''), typeName);
  }
});

t.test('fields that even the types do not know are refused by their number', async (t) => {
  const schema = schemaOf('envoy.config.listener.v3.Listener');
  const message = create(schema);
  message.$unknown = [{ no: 999, wireType: 0, data: new Uint8Array([1]) }];
  t.throws(() => refuseUnknown(schema, message, 'x'), {
    message: /^x: field number 999 of .*Listener is not understood/,
  });
});

t.test('the path leads to the field, through lists and maps', async (t) => {
  const schema = schemaOf('envoy.config.rbac.v3.RBAC');
  const message = create(schema, {
    policies: {
      'default/p': {
        permissions: [
          { rule: { case: 'andRules', value: { rules: [{}, { rule: { case: 'metadata', value: {} } }] } } },
        ],
      },
    },
  } as never);
  t.throws(() => refuseUnknown(schema, message, 'rules'), {
    message: 'rules.policies["default/p"].permissions[0].and_rules.rules[1].metadata: this field is not understood',
  });
});
