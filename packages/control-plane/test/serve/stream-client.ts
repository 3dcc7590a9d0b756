import { create } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { typeUrl, XDS_PUSH_ORDER, type XdsType } from '@tulle/xds';
import type { Snapshot, TypeSnapshot } from '../../src/serve/snapshot.js';
import { type RequestOutcome, type StreamResponse, StreamState } from '../../src/serve/stream-state.js';

/** Resource name -> text that stands for its content. */
export type Content = Partial<Record<XdsType, Record<string, string>>>;

const cache = new Map<string, Any>();

/** The same content is the same object, as `encodeSnapshot` has it. */
function resource(type: XdsType, name: string, text: string): Any {
  const key = `${type} ${name} ${text}`;
  let any = cache.get(key);
  if (any === undefined) {
    any = create(AnySchema, { typeUrl: typeUrl[type], value: new TextEncoder().encode(`${name}=${text}`) });
    cache.set(key, any);
  }
  return any;
}

export function snapshotOf(content: Content): Snapshot {
  const typeSnapshot = (type: XdsType): TypeSnapshot => {
    const entries = Object.entries(content[type] ?? {}).sort();
    return {
      version: entries.map(([name, text]) => `${name}:${text}`).join(',') || 'none',
      resources: new Map(entries.map(([name, text]) => [name, resource(type, name, text)])),
    };
  };
  return Object.fromEntries(XDS_PUSH_ORDER.map((type) => [type, typeSnapshot(type)])) as Snapshot;
}

export function contentOf(response: StreamResponse): Record<string, string> {
  const texts = response.resources.map((any) => new TextDecoder().decode(any.value).split('='));
  return Object.fromEntries(texts) as Record<string, string>;
}

/** A stream with a clock that the test moves. `poll` gives what is sent, as `TYPE name=text ...`. */
export class Bench {
  readonly state: StreamState = new StreamState();
  now = 1000;
  wakeAt: number | undefined;
  readonly last: Map<XdsType, StreamResponse> = new Map();

  request(type: XdsType, names: string[] = [], nonce = '', error?: string): RequestOutcome {
    return this.state.onRequest({ type, names, nonce, error });
  }

  /** Answers the last response of a type. */
  ack(type: XdsType, names: string[] = [], error?: string): RequestOutcome {
    return this.request(type, names, this.last.get(type)?.nonce ?? 'nothing was sent', error);
  }

  set(content: Content): void {
    this.state.setSnapshot(snapshotOf(content));
  }

  poll(): string[] {
    const { responses, wakeAt } = this.state.poll(this.now);
    this.wakeAt = wakeAt;
    for (const response of responses) this.last.set(response.type, response);
    return responses.map((response) => {
      const content = Object.entries(contentOf(response)).sort();
      return [response.type, ...content.map(([name, text]) => `${name}=${text}`)].join(' ');
    });
  }
}
