/**
 * Heads and decoders between two exchanges, kept per thread and not per connection: an idle connection holds none, a busy one takes them without allocation.
 * Request and response heads are kept apart: a stage may read its request head until the call that ended its exchange returns, and that call may place another
 * exchange on a connection.
 */
import type { Limits } from '../../limits.js';
import { Head } from '../../message/head.js';
import { Http1Decoder, type MessageEvents } from './decoder.js';

/** What is kept of each kind after a burst: about 3 KiB each. */
const maxSpare = 512;

export class Spares {
  private readonly limits: Limits;
  private readonly requests: Head[] = [];
  private readonly responses: Head[] = [];
  private readonly decoders: Http1Decoder[] = [];

  constructor(limits: Limits) {
    this.limits = limits;
  }

  takeRequestHead(): Head {
    return this.requests.pop() ?? new Head(this.limits.maxHeaderFields);
  }

  giveRequestHead(head: Head): void {
    if (this.requests.length < maxSpare) this.requests.push(head);
  }

  takeResponseHead(): Head {
    return this.responses.pop() ?? new Head(this.limits.maxHeaderFields);
  }

  giveResponseHead(head: Head): void {
    if (this.responses.length < maxSpare) this.responses.push(head);
  }

  takeDecoder(events: MessageEvents): Http1Decoder {
    const decoder = this.decoders.pop();
    if (decoder === undefined) return new Http1Decoder(this.limits, events);
    decoder.events = events;
    return decoder;
  }

  /** Not from within one of its events. */
  giveDecoder(decoder: Http1Decoder): void {
    decoder.events = nobody;
    if (this.decoders.length < maxSpare) this.decoders.push(decoder);
  }
}

const nobody: MessageEvents = { messageHead() {}, messageBody() {}, messageEnd() {}, messageMalformed() {} };
const byLimits = new WeakMap<Limits, Spares>();

/** The spares of this thread for connections with these limits. */
export function sparesFor(limits: Limits): Spares {
  let spares = byLimits.get(limits);
  if (spares === undefined) {
    spares = new Spares(limits);
    byLimits.set(limits, spares);
  }
  return spares;
}
