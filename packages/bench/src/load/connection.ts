import { connect, type Socket } from 'node:net';
import { BadMessage, MessageReader } from '../http/message-reader.js';
import { AnswerCheck, type AnswerFault, type Expectation } from './answer-check.js';
import type { Target } from './options.js';
import type { RequestWriter } from './request.js';

/** Why a request has no answer that counts. Each is counted under its name in the result. */
export type RequestFault =
  | AnswerFault
  | 'connect-failed'
  | 'connection-lost'
  | 'bad-response'
  | 'timeout'
  | 'unanswered';

/** What the connections of a run share. */
export interface Line {
  target: Target;
  writer: RequestWriter;
  expected: Expectation;
  /** HEAD is answered without a body. */
  isHead: boolean;
  /** One receive buffer for all connections: the bytes are used up before the next read. */
  receiveBuffer: Buffer;
  /** The request of `place` has ended: with its answer, or with a fault and its explanation. */
  ended: (place: number, fault: RequestFault | undefined, detail: string) => void;
  traffic: Traffic;
}

export interface Traffic {
  bytesSent: number;
  bytesReceived: number;
  connects: number;
}

/*
 * One place of the dispatcher: a socket that carries one request at a time, and is dialled when a request needs it.
 *
 *   closed ──send──> connecting ──> busy ──answer──> idle ──send──> busy
 *     ├────open──> opening ────────────────────────────┘
 *     └──<── any end of the connection, and an answer that says close
 */
type State = 'closed' | 'opening' | 'connecting' | 'idle' | 'busy';

export class Connection {
  readonly #place: number;
  readonly #line: Line;
  readonly #check: AnswerCheck;
  #reader: MessageReader;
  #socket: Socket | undefined;
  #state: State;
  #id: number;
  /** The answer has ended inside the bytes that are being read. */
  #complete: boolean;

  constructor(place: number, line: Line) {
    this.#place = place;
    this.#line = line;
    this.#check = new AnswerCheck(line.expected);
    this.#reader = this.#newReader();
    this.#socket = undefined;
    this.#state = 'closed';
    this.#id = 0;
    this.#complete = false;
  }

  /** Opens the connection before a request needs it. Resolves either way: a failure shows with the first request. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      const socket = this.#dial('opening');
      socket.once('connect', () => {
        if (this.#state === 'opening') this.#state = 'idle';
        resolve();
      });
      socket.once('close', () => resolve());
    });
  }

  /** Sends request `id`; `ended` is called for it exactly once, never during this call. */
  send(id: number): void {
    this.#id = id;
    this.#complete = false;
    this.#check.begin(id);
    if (this.#state === 'idle' && this.#socket !== undefined) {
      this.#write(this.#socket);
      return;
    }
    const socket = this.#dial('connecting');
    socket.once('connect', () => {
      if (this.#socket === socket) this.#write(socket);
    });
  }

  /** Gives up on the request that is out. */
  giveUp(fault: RequestFault, detail: string): void {
    this.#fail(fault, detail);
  }

  close(): void {
    this.#state = 'closed';
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #dial(purpose: 'opening' | 'connecting'): Socket {
    const { target, receiveBuffer, traffic } = this.#line;
    traffic.connects += 1;
    const socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      onread: {
        buffer: receiveBuffer,
        callback: (length) => {
          if (this.#socket === socket) this.#received(receiveBuffer, length);
          return true;
        },
      },
    });
    this.#socket = socket;
    this.#reader = this.#newReader();
    this.#state = purpose;
    let reason = 'closed by the other side';
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('end', () => {
      if (this.#socket === socket) this.#peerClosed();
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#lost(reason);
    });
    return socket;
  }

  #newReader(): MessageReader {
    return new MessageReader('response', {
      head: (head) => {
        if (this.#complete) throw new BadMessage('a second answer to one request');
        this.#check.head(head);
      },
      body: (bytes, start, end) => this.#check.body(bytes, start, end),
      end: () => {
        this.#complete = true;
      },
    });
  }

  #write(socket: Socket): void {
    this.#state = 'busy';
    if (this.#line.isHead) this.#reader.expectNoBody();
    this.#line.traffic.bytesSent += this.#line.writer.write(socket, this.#id);
  }

  #received(bytes: Buffer, length: number): void {
    if (this.#state !== 'busy') {
      this.#fail('bad-response', 'bytes came that no request asked for');
      return;
    }
    try {
      this.#reader.read(bytes, 0, length);
      if (this.#complete && this.#reader.isInside) throw new BadMessage('more bytes than one answer has');
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#fail('bad-response', error.message);
      return;
    }
    if (this.#complete) this.#answered();
  }

  #answered(): void {
    this.#line.traffic.bytesReceived += this.#check.bytes;
    const fault = this.#check.end();
    const { status } = this.#reader.head;
    if (this.#reader.head.keepAlive) this.#state = 'idle';
    else this.close();
    this.#line.ended(this.#place, fault, `request ${this.#id}: status ${status}, ${this.#check.bytes} bytes`);
  }

  #peerClosed(): void {
    if (this.#state !== 'busy') return;
    try {
      this.#reader.close();
    } catch (error) {
      this.#fail('connection-lost', (error as Error).message);
      return;
    }
    if (this.#complete) this.#answered();
  }

  #lost(reason: string): void {
    if (this.#state === 'connecting') this.#fail('connect-failed', reason);
    else if (this.#state === 'busy') this.#fail('connection-lost', reason);
    else this.close();
  }

  #fail(fault: RequestFault, detail: string): void {
    const hadRequest = this.#state === 'busy' || this.#state === 'connecting';
    this.close();
    if (hadRequest) this.#line.ended(this.#place, fault, `request ${this.#id}: ${detail}`);
  }
}
