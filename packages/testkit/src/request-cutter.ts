/**
 * Cuts a stream of well-formed HTTP/1.1 requests into requests, for fake upstreams: what reaches them comes from the proxy under test, and is noted as it came.
 * It is no judge: it throws on what it cannot cut.
 */

export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  /** Names as sent, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Payload, framing removed, Latin-1; grows until `whole`. */
  body: string;
  whole: boolean;
}

export interface CutterEvents {
  onHead(request: SeenRequest): void;
  onWhole(request: SeenRequest): void;
}

type Body =
  | { kind: 'head' }
  | { kind: 'length'; left: number }
  | { kind: 'chunk-size' }
  | { kind: 'chunk'; left: number }
  | { kind: 'trailer' };

export class RequestCutter {
  private readonly events: CutterEvents;
  private rest = '';
  private at: Body = { kind: 'head' };
  private request: SeenRequest | undefined = undefined;

  constructor(events: CutterEvents) {
    this.events = events;
  }

  /** Latin-1 text, cut anywhere. */
  push(text: string): void {
    this.rest += text;
    while (this.step());
  }

  /** The value of the first field of that name, case folded. */
  static field(request: SeenRequest, name: string): string | undefined {
    return request.fields.find(([one]) => one.toLowerCase() === name)?.[1];
  }

  /** Takes one piece; false when it needs more. */
  private step(): boolean {
    const { at, request } = this;
    switch (at.kind) {
      case 'head':
        return this.head();
      case 'length':
      case 'chunk': {
        const taken = this.rest.slice(0, at.left);
        this.rest = this.rest.slice(taken.length);
        request!.body += taken;
        at.left -= taken.length;
        if (at.left > 0) return false;
        if (at.kind === 'length') return this.whole();
        // The CRLF behind a chunk is taken as an empty line before the next size.
        this.at = { kind: 'chunk-size' };
        return true;
      }
      case 'chunk-size': {
        const line = this.line(this.rest.startsWith('\r\n') ? 2 : 0);
        if (line === undefined) return false;
        const left = Number.parseInt(line, 16);
        if (Number.isNaN(left)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
        this.at = left === 0 ? { kind: 'trailer' } : { kind: 'chunk', left };
        return true;
      }
      case 'trailer': {
        const line = this.line(0);
        if (line === undefined) return false;
        return line === '' ? this.whole() : true;
      }
    }
  }

  private head(): boolean {
    const end = this.rest.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const [start, ...lines] = this.rest.slice(0, end).split('\r\n');
    this.rest = this.rest.slice(end + 4);
    const [method, target] = start.split(' ');
    const fields = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
    const request: SeenRequest = { method, target, fields, body: '', whole: false };
    this.request = request;
    this.events.onHead(request);
    if (RequestCutter.field(request, 'transfer-encoding') !== undefined) {
      this.at = { kind: 'chunk-size' };
      return true;
    }
    const left = Number(RequestCutter.field(request, 'content-length') ?? 0);
    if (left === 0) return this.whole();
    this.at = { kind: 'length', left };
    return true;
  }

  private line(from: number): string | undefined {
    const end = this.rest.indexOf('\r\n', from);
    if (end === -1) return undefined;
    const line = this.rest.slice(from, end);
    this.rest = this.rest.slice(end + 2);
    return line;
  }

  private whole(): boolean {
    const request = this.request!;
    request.whole = true;
    this.at = { kind: 'head' };
    this.events.onWhole(request);
    return this.rest.length > 0;
  }
}
