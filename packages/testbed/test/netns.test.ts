import { probeNetns } from '@tulle/testbed';
import t from 'tap';
import { lifecycleSuite } from './suite/lifecycle-suite.js';
import { meshSuite } from './suite/mesh-suite.js';

t.setTimeout(600_000);
const probe = await probeNetns(process.env, null);
const skip = probe.possible ? false : probe.reason;

t.test('pods as network namespaces', { skip }, async (t) => await lifecycleSuite(t, 'netns'));
t.test('a mesh of network namespaces', { skip }, async (t) => await meshSuite(t, 'netns'));
