/** A small language for what plain data must look like, so that a mistake is reported with its place. Only as much as the configuration needs: the library has no schema dependency. */

/** Where and what is wrong. `path` is like `clusters[2].endpoints[0].address.port`. */
export interface Complaint {
  readonly path: string;
  readonly message: string;
}

/** Looks at a value and complains. */
export type Shape = (value: unknown, path: string, complain: (complaint: Complaint) => void) => void;

/** Keys are required unless made with `optional`; keys that are not named are errors, with the nearest known one as a hint. */
export function object(keys: Readonly<Record<string, Shape | OptionalShape>>): Shape {
  return (value, path, complain) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      complain({ path, message: `must be an object, not ${describe(value)}` });
      return;
    }
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(keys, key)) {
        complain({ path: join(path, key), message: `is not known; known here are ${Object.keys(keys).join(', ')}` });
      }
    }
    for (const [key, shape] of Object.entries(keys)) {
      const member = (value as Record<string, unknown>)[key];
      const isOptional = typeof shape !== 'function';
      if (member === undefined) {
        if (!isOptional) complain({ path: join(path, key), message: 'is missing' });
      } else {
        (isOptional ? shape.optional : shape)(member, join(path, key), complain);
      }
    }
  };
}

export interface OptionalShape {
  readonly optional: Shape;
}

export function optional(shape: Shape): OptionalShape {
  return { optional: shape };
}

export function list(shape: Shape, min = 0): Shape {
  return (value, path, complain) => {
    if (!Array.isArray(value)) complain({ path, message: `must be a list, not ${describe(value)}` });
    else if (value.length < min) complain({ path, message: `must have at least ${min} of what it lists` });
    else for (const [index, item] of value.entries()) shape(item, `${path}[${index}]`, complain);
  };
}

export function whole(min: number, max: number): Shape {
  return (value, path, complain) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      complain({ path, message: `must be a whole number from ${min} to ${max}, not ${describe(value)}` });
    }
  };
}

export function prime(max: number): Shape {
  return (value, path, complain) => {
    if (typeof value !== 'number' || value > max || !isPrime(value)) {
      complain({ path, message: `must be a prime number up to ${max}, not ${describe(value)}` });
    }
  };
}

function isPrime(value: number): boolean {
  if (!Number.isInteger(value) || value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

export function choice(...values: readonly (string | number | boolean)[]): Shape {
  return (value, path, complain) => {
    if (!(values as readonly unknown[]).includes(value)) {
      complain({
        path,
        message: `must be one of ${values.map((each) => JSON.stringify(each)).join(', ')}, not ${describe(value)}`,
      });
    }
  };
}

export function text(test: (value: string) => boolean, what: string): Shape {
  return (value, path, complain) => {
    if (typeof value !== 'string' || !test(value))
      complain({ path, message: `must be ${what}, not ${describe(value)}` });
  };
}

export const truthValue: Shape = choice(true, false);

/** Chooses the shape by a key of the value, such as `kind`. */
export function tagged(key: string, shapes: Readonly<Record<string, Shape>>): Shape {
  return (value, path, complain) => {
    const tag = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    const shape = typeof tag === 'string' && Object.hasOwn(shapes, tag) ? shapes[tag] : undefined;
    if (shape === undefined) {
      complain({
        path: join(path, key),
        message: `must be one of ${Object.keys(shapes).join(', ')}, not ${describe(tag)}`,
      });
    } else {
      shape(value, path, complain);
    }
  };
}

/** Either a shape or one literal text. */
export function orText(literal: string, shape: Shape): Shape {
  return (value, path, complain) => {
    if (value !== literal) shape(value, path, complain);
  };
}

/** A shape that refers to itself. */
export function lazy(make: () => Shape): Shape {
  return (value, path, complain) => make()(value, path, complain);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** Short, and without the content of long texts: they may be keys. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string')
    return value.length > 40 ? `a text of ${value.length} characters` : JSON.stringify(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
