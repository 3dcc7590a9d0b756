/** A request and an answer as filters see them: views over heads, made for one call of each filter and nothing else. */
import type { Head } from '../message/head.js';
import { fromLatin1 } from '../message/head.js';
import type { FilterRequest, FilterResponse } from './filter.js';
import { type Changes, EditedHeaders, fieldLine, fieldName } from './headers.js';

/** An answer that a filter gave. */
export interface FilterAnswer {
  readonly status: number;
  readonly fields: readonly Uint8Array[];
  readonly body: Uint8Array;
}

const plainText = fromLatin1('content-type: text/plain; charset=utf-8\r\n');
const encoder = new TextEncoder();

export class RequestView extends EditedHeaders implements FilterRequest {
  readonly peerUri: string;
  readonly route: string;
  /** Set once a filter has answered. */
  answered: FilterAnswer | undefined = undefined;

  constructor(head: Head, peerUri: string, route: string) {
    super(head);
    this.peerUri = peerUri;
    this.route = route;
  }

  override restore(changes: Changes): void {
    super.restore(changes);
    this.answered = undefined;
  }

  get method(): string {
    return this.head.method;
  }

  get path(): string {
    return this.head.pathText();
  }

  get query(): string {
    return this.head.queryText();
  }

  get authority(): string {
    return this.head.authorityText();
  }

  answer(status: number, body = '', headers: Readonly<Record<string, string>> = {}): void {
    if (!Number.isInteger(status) || status < 200 || status > 599) {
      throw new TypeError(`the status of an answer must be a whole number from 200 to 599, not ${status}`);
    }
    if (typeof body !== 'string') throw new TypeError('the body of an answer must be a text');
    const names = Object.keys(headers).map(fieldName);
    const fields = Object.values(headers).map((value, i) => fieldLine(names[i], value));
    if (body !== '' && !names.includes('content-type')) fields.push(plainText);
    this.answered = { status, fields, body: encoder.encode(body) };
  }
}

export class ResponseView extends EditedHeaders implements FilterResponse {
  private readonly request: Head;

  constructor(head: Head, request: Head) {
    super(head);
    this.request = request;
  }

  get status(): number {
    return this.head.status;
  }

  get method(): string {
    return this.request.method;
  }

  get path(): string {
    return this.request.pathText();
  }
}
