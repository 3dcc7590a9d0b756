import {
  create,
  createRegistry,
  type DescMessage,
  fromBinary,
  type MessageShape,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { files } from './gen/files.js';
import { TYPE_URL_PREFIX } from './type-urls.js';

/** All message types that Tulle knows: give it to `toJson` and `fromJson`, which need it for what is inside an Any. */
export const registry: Registry = createRegistry(...files);

/** An Any that does not hold what its reader wants. */
export class AnyError extends Error {
  override readonly name = 'AnyError';
}

export function packAny<S extends DescMessage>(schema: S, message: MessageShape<S>): Any {
  return create(AnySchema, { typeUrl: TYPE_URL_PREFIX + schema.typeName, value: toBinary(schema, message) });
}

/** True when the Any says that it holds a message of this type. */
export function anyIs(any: Any | undefined, schema: DescMessage): boolean {
  return any !== undefined && typeNameOf(any) === schema.typeName;
}

/**
 * Decodes an Any that must hold this type.
 * @param place what the Any is, for the error: `listener "inbound": filter "rbac": typed_config`.
 * @throws AnyError when it is missing, holds another type, or its bytes do not decode.
 */
export function unpackAny<S extends DescMessage>(any: Any | undefined, schema: S, place: string): MessageShape<S> {
  if (any === undefined) throw new AnyError(`${place}: missing, expected ${schema.typeName}`);
  const typeName = typeNameOf(any);
  if (typeName !== schema.typeName) {
    throw new AnyError(`${place}: expected ${schema.typeName}, got ${typeName || 'an Any without a type'}`);
  }
  try {
    return fromBinary(schema, any.value);
  } catch (cause) {
    throw new AnyError(`${place}: the bytes are not a ${schema.typeName}`, { cause });
  }
}

/** `type.googleapis.com/a.b.C` -> `a.b.C`; empty when there is no type. */
function typeNameOf(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
}
