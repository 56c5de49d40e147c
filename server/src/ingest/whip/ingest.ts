/** WHIP: takes a publisher's offer for its stream. Authorise, negotiate, open; the session pumps. */
import { randomBytes } from 'node:crypto';
import { parseDescription } from '@millrace/media/sdp/parse-description';
import { AppError } from '../../lib/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Hub } from '../../stream/hub.ts';
import type { PublishDecision, PublishGate } from '../../stream/publish-gate.ts';
import { writeAnswer } from '../../transports/webrtc/answer.ts';
import type { Offer, OfferedSession } from '../../transports/webrtc/offer-routes.ts';
import { remoteEndOf } from '../../transports/webrtc/remote-end.ts';
import type { WebRtcTransport } from '../../transports/webrtc/transport.ts';
import { chooseMedia } from './negotiation.ts';
import { type WhipCounters, WhipSession } from './session.ts';

/** 160 Mbit/s: no browser encodes more. */
const MAX_PUBLISHER_BYTES_PER_SECOND = 20_000_000;

/** How soon a publisher that found no room may ask again. */
const FULL_RETRY_SECONDS = 5;

/** How soon one that tried too many wrong keys may. */
const TRIES_RETRY_SECONDS = 60;

const SERVED = 'A broadcast takes one video track (H.264, VP9, AV1, HEVC or VP8) and one audio track (Opus).';

type Allowed = Extract<PublishDecision, { allowed: true }>;

export interface WhipIngestDeps {
  readonly hub: Pick<Hub, 'isOccupied' | 'publish'>;
  readonly gate: PublishGate;
  readonly transport: WebRtcTransport;
  readonly clock: Clock;
  readonly log: Log;
}

export class WhipIngest {
  readonly #deps: WhipIngestDeps;
  readonly #sessions = new Set<WhipSession>();
  readonly #counters: WhipCounters = {
    publishesStarted: 0,
    refused: 0,
    occupied: 0,
    protocolErrors: 0,
    lost: 0,
    bytesReceived: 0,
    nacked: 0,
    keyFrameRequests: 0,
    strays: 0,
  };

  constructor(deps: WhipIngestDeps) {
    this.#deps = deps;
  }

  /** Totals since the start, but for `sessions` and `publishers`, which are those of now. */
  get counters(): Readonly<WhipCounters> & { readonly sessions: number; readonly publishers: number } {
    let publishers = 0;
    for (const session of this.#sessions) if (session.isPublishing) publishers++;
    return { ...this.#counters, sessions: this.#sessions.size, publishers };
  }

  /** Throws AppError, and ProtocolError when the offer is malformed. */
  async take(offer: Offer): Promise<OfferedSession> {
    const over = new AbortController();
    try {
      const allowed = await this.#authorise(offer, over.signal);
      offer.signal.throwIfAborted();
      const session = this.#open(offer, allowed);
      void session.closed.then(() => over.abort());
      return session;
    } catch (error) {
      over.abort();
      throw error;
    }
  }

  #open(offer: Offer, allowed: Allowed): OfferedSession {
    const { hub, transport, clock, log } = this.#deps;
    const { remoteAddress } = offer;
    const description = parseDescription(offer.sdp);
    const remote = remoteEndOf(description);
    const media = chooseMedia(description);
    if (media.length === 0) throw new AppError('no_common_codec', { detail: SERVED });
    if (allowed.secondPublisher === 'refuse' && hub.isOccupied(allowed.streamId)) {
      this.#counters.occupied++;
      throw new AppError('publisher_present');
    }
    if (transport.isFull(remoteAddress)) throw new AppError('overloaded', { retryAfterSeconds: FULL_RETRY_SECONDS });
    const session = new WhipSession({
      hub,
      clock,
      log: log.child({ streamId: allowed.streamId, remoteAddress, protocol: 'whip' }),
      counters: this.#counters,
      allowed,
      media,
      remoteAddress,
      ssrc: randomBytes(4).readUInt32BE(),
    });
    const peer = transport.open(remote, { remoteAddress, maxBytesPerSecond: MAX_PUBLISHER_BYTES_PER_SECOND, listener: session });
    session.attach(peer);
    this.#counters.publishesStarted++;
    this.#sessions.add(session);
    void peer.closed.then(() => this.#sessions.delete(session));
    const answer = writeAnswer(
      description,
      media.map(({ accepted }) => accepted),
      peer.local,
    );
    return { answer, remoteUfrag: remote.iceUfrag, closed: peer.closed, restart: (credentials) => peer.restart(credentials), leave: () => session.leave() };
  }

  /** @param signal of the end of the session. */
  async #authorise({ bearer, streamId, remoteAddress }: Offer, signal: AbortSignal): Promise<Allowed> {
    if (bearer === undefined) throw new AppError('stream_key_refused');
    const decision = await this.#deps.gate.authorise({ key: bearer, protocol: 'whip', remoteAddress }, signal);
    if (decision.allowed) {
      // Somebody else's stream answers as if it did not exist.
      if (decision.streamId !== streamId) throw new AppError('stream_not_found');
      return decision;
    }
    this.#counters.refused++;
    this.#deps.log.warn({ remoteAddress, protocol: 'whip', reason: decision.reason }, 'publisher refused');
    throw refusalOf(decision);
  }
}

function refusalOf({ reason, message }: Extract<PublishDecision, { allowed: false }>): AppError {
  switch (reason) {
    case 'wrong_key':
      return new AppError('stream_key_refused', { detail: message });
    case 'too_many_tries':
      return new AppError('too_many_requests', { detail: message, retryAfterSeconds: TRIES_RETRY_SECONDS });
    case 'limit_reached':
      return new AppError('limit_reached', { detail: message });
    case 'not_allowed':
      return new AppError('guests_not_allowed', { detail: message });
  }
}
