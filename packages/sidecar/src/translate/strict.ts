import { type DescMessage, isFieldSet, type MessageShape } from '@bufbuild/protobuf';
import { type ReflectList, type ReflectMap, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { Any } from '@bufbuild/protobuf/wkt';
import { AnyError, unpackAny } from '@tulle/xds';
import { Refusal } from './refusal.js';
import { understood } from './understood.js';

/**
 * Refuses a message that says more than the sidecar understands: any field that is set, at any depth, and is not in the table.
 * What is inside an Any is looked at when it is opened.
 * @param path what the message is, for the refusal.
 * @throws Refusal with the path of the first such field, as `filter_chains[0].filter_chain_match.server_names`.
 */
export function refuseUnknown<S extends DescMessage>(schema: S, message: MessageShape<S>, path: string): void {
  visit(reflect<DescMessage>(schema, message), path);
}

/** Opens an Any that must hold this type, strictly. */
export function open<S extends DescMessage>(any: Any | undefined, schema: S, path: string): MessageShape<S> {
  let message: MessageShape<S>;
  try {
    message = unpackAny(any, schema, path);
  } catch (error) {
    if (error instanceof AnyError) throw new Refusal(path, error.message.slice(path.length + 2));
    throw error;
  }
  refuseUnknown(schema, message, path);
  return message;
}

function visit(reflected: ReflectMessage, path: string): void {
  const { desc, message } = reflected;
  if (desc.typeName.startsWith('google.protobuf.')) return;
  const known = understood[desc.typeName];
  if (known === undefined) throw new Refusal(path, `${desc.typeName} is not understood`);
  const [stray] = message.$unknown ?? [];
  if (stray !== undefined) throw new Refusal(path, `field number ${stray.no} of ${desc.typeName} is not understood`);
  for (const field of desc.fields) {
    if (!isFieldSet(message, field)) continue;
    const at = join(path, field.name);
    if (!known.includes(field.name)) throw new Refusal(at, 'this field is not understood');
    if (field.fieldKind === 'message') visit(reflected.get(field) as ReflectMessage, at);
    else if (field.fieldKind === 'list' && field.listKind === 'message') {
      let index = 0;
      for (const item of reflected.get(field) as ReflectList) visit(item as ReflectMessage, `${at}[${index++}]`);
    } else if (field.fieldKind === 'map' && field.mapKind === 'message') {
      for (const [key, value] of reflected.get(field) as ReflectMap) visit(value as ReflectMessage, `${at}["${key}"]`);
    }
  }
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
