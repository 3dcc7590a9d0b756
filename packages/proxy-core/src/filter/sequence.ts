/** Stage filter: the filters of a filter chain, in their order. Answers are filtered in the opposite one, as an onion is. */
import { type Failure, failure } from '../failure.js';
import { type HeadEdits, noEdits } from '../message/edits.js';
import type { Head } from '../message/head.js';
import { noChanges } from './headers.js';
import { type FilterAnswer, RequestView, ResponseView } from './messages.js';
import type { RunningFilter } from './running-filter.js';

export type RequestOutcome =
  | { readonly kind: 'pass'; readonly edits: HeadEdits }
  | { readonly kind: 'answer'; readonly answer: FilterAnswer; readonly filter: string }
  | { readonly kind: 'failed'; readonly failure: Failure };

export type ResponseOutcome =
  | { readonly kind: 'pass'; readonly edits: HeadEdits }
  | { readonly kind: 'failed'; readonly failure: Failure };

const unchanged = { kind: 'pass', edits: noEdits } as const;

/** A filter that fails leaves nothing behind: where it fails open, the message goes on as the filters before it left it. */
export class FilterSequence {
  private readonly filters: readonly RunningFilter[];
  /** Those that look at answers, last first. */
  private readonly backwards: readonly RunningFilter[];

  constructor(filters: readonly RunningFilter[]) {
    this.filters = filters;
    this.backwards = filters.filter((filter) => filter.has('onResponse')).reverse();
  }

  onRequest(head: Head, peerUri: string, route: string): RequestOutcome {
    const view = new RequestView(head, peerUri, route);
    for (const filter of this.filters) {
      const before = filter.failsOpen ? view.changes() : noChanges;
      const outcome = filter.call('onRequest', view);
      if (outcome === 'refused') return { kind: 'failed', failure: failedBy(filter) };
      if (outcome === 'skipped') view.restore(before);
      else if (view.answered !== undefined)
        return { kind: 'answer', answer: view.answered, filter: filter.config.name };
    }
    const edits = view.edits();
    return edits === undefined ? unchanged : { kind: 'pass', edits };
  }

  onResponse(head: Head, request: Head): ResponseOutcome {
    if (this.backwards.length === 0) return unchanged;
    const view = new ResponseView(head, request);
    for (const filter of this.backwards) {
      const before = filter.failsOpen ? view.changes() : noChanges;
      const outcome = filter.call('onResponse', view);
      if (outcome === 'refused') return { kind: 'failed', failure: failedBy(filter) };
      if (outcome === 'skipped') view.restore(before);
    }
    const edits = view.edits();
    return edits === undefined ? unchanged : { kind: 'pass', edits };
  }
}

function failedBy(filter: RunningFilter): Failure {
  return failure('filter-failed', `filter ${filter.config.name}`);
}
