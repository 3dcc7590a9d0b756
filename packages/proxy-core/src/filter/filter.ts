/**
 * Filters: the operator's own code on the way of a request. A filter is an ES module that exports `onRequest`, `onResponse` or both; it is loaded into each data thread and
 * called there, between policy and balance and again when the answer's head has come.
 *
 *     import type { FilterRequest } from '@tulle/proxy-core';
 *
 *     export function onRequest(request: FilterRequest): void {
 *       request.setHeader('x-tenant', request.authority.split('.')[0]);
 *     }
 *
 * It is called on a thread that serves every other connection too: it must not wait, and what it returns is not looked at. It changes header fields or answers; it cannot
 * change the method, the path or the authority, since what was routed and authorised is what is forwarded.
 */

/** What a filter's module exports; at least one of the two. `options` is that of its `FilterConfig`. */
export interface FilterModule {
  /** For each request that a route takes and policy allows. */
  onRequest?(request: FilterRequest, options: unknown): void;
  /** For the head of each answer of an upstream that the client is going to get: not for those that are tried again, nor for the proxy's own. */
  onResponse?(response: FilterResponse, options: unknown): void;
}

/** Header fields of a message, with what filters have changed so far. Valid during the call only. */
export interface FilterHeaders {
  /** The value of a field, several of one name joined with `, ` (RFC 9110 section 5.3); undefined: there is none. Names are compared without case. */
  header(name: string): string | undefined;
  /**
   * Replaces all fields of that name. Throws a `TypeError` for what is no field name or value, and for fields that only the proxy may write: those of framing and of the
   * connection, `host`, and those by which proxies speak to each other (`x-tulle-*`, `x-forwarded-client-cert`).
   */
  setHeader(name: string, value: string): void;
  /** Adds a field beside those of the same name. Throws as `setHeader`. */
  addHeader(name: string, value: string): void;
  /** Throws as `setHeader`. */
  removeHeader(name: string): void;
}

/** A request whose head has come, routed and allowed. Valid during the call only. */
export interface FilterRequest extends FilterHeaders {
  readonly method: string;
  /** As it was routed: normalised, without the query. */
  readonly path: string;
  /** With its `?`; '' without one. */
  readonly query: string;
  /** Host and port that were asked for. */
  readonly authority: string;
  /** The client's verified SPIFFE ID, '' without. */
  readonly peerUri: string;
  /** Name of the route that was chosen. */
  readonly route: string;
  /**
   * Answers in the upstream's place; later filters are not called. Status 200 to 599. Throws a `TypeError` for a status, field name or value that is none.
   * Fields of framing are written by the proxy.
   */
  answer(status: number, body?: string, headers?: Readonly<Record<string, string>>): void;
}

/** The head of an answer. Valid during the call only. */
export interface FilterResponse extends FilterHeaders {
  readonly status: number;
  /** Of the request that it answers. */
  readonly method: string;
  readonly path: string;
}
