/** Sends a segment while it is being made: chunked, a part at a time, ended when the segment is. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../lib/clock.ts';
import { CORS_HEADERS } from '../../transports/http/send-body.ts';
import type { Rendition } from '../cmaf/rendition.ts';
import type { Segment } from '../cmaf/segment.ts';

/** A connection that takes nothing for this long is cut: its player has lost the live edge, and parts wait in memory for it. */
const MAX_BACKED_UP_MS = 10_000;

export interface OpenSegmentCounters {
  /** Bytes of media sent. */
  bytes: number;
  /** Answers that go on now. */
  open: number;
  /** Answers cut because their connection took nothing. */
  cut: number;
}

export interface OpenSegmentRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly rendition: Rendition;
  readonly segment: Segment;
  readonly contentType: string;
  readonly clock: Clock;
  readonly counters: OpenSegmentCounters;
}

/** HEAD is answered at once. A Range is not looked at (RFC 9110 §14.2): of what is being made nobody knows the end. */
export function sendOpenSegment(request: OpenSegmentRequest): void {
  const { req, res, contentType } = request;
  // What is not whole may not be kept: a cache could take an aborted answer for the segment.
  res.writeHead(200, { ...CORS_HEADERS, 'Content-Type': contentType, 'Cache-Control': 'no-store', 'Accept-Ranges': 'none' });
  if (req.method === 'HEAD') res.end();
  else new OpenSegmentAnswer(request).begin();
}

class OpenSegmentAnswer {
  readonly #request: OpenSegmentRequest;
  readonly #waits = new Set<() => void>();
  #sent = 0;
  #patience: Timer | undefined;

  constructor(request: OpenSegmentRequest) {
    this.#request = request;
  }

  begin(): void {
    const { res, counters } = this.#request;
    counters.open++;
    res.once('close', () => {
      counters.open--;
      this.#stopWaiting();
    });
    this.#send();
  }

  /** One part at most waits in the connection: the others are where everybody shares them. */
  #send(): void {
    this.#stopWaiting();
    const { res, segment, counters } = this.#request;
    for (let part = segment.parts[this.#sent]; part; part = segment.parts[this.#sent]) {
      this.#sent++;
      counters.bytes += part.body.length;
      if (!res.write(part.body)) {
        this.#untilDrained();
        return;
      }
    }
    if (segment.complete) res.end();
    else this.#untilMore();
  }

  #untilDrained(): void {
    const { res, clock, counters } = this.#request;
    const drained = (): void => this.#send();
    res.once('drain', drained);
    this.#waits.add(() => res.off('drain', drained));
    this.#patience = clock.after(MAX_BACKED_UP_MS, () => {
      counters.cut++;
      // Half an answer is cut off, so that nobody takes it for whole.
      res.destroy();
    });
  }

  #untilMore(): void {
    const { rendition, segment } = this.#request;
    const more = (): void => this.#send();
    this.#waits.add(rendition.wait(segment.msn, this.#sent, more));
    this.#waits.add(rendition.wait(segment.msn, undefined, more));
  }

  #stopWaiting(): void {
    this.#patience?.cancel();
    for (const stop of this.#waits) stop();
    this.#waits.clear();
  }
}
