/**
 * Keeps a broadcast going from this browser: opens a session, and another when it is lost, until somebody ends it. The same
 * token resumes the same broadcast, so viewers keep their player.
 */
import { retryDelayMs } from '../retry-delay.ts';
import { SignallingError } from '../webrtc/signalling.ts';
import type { PublishLimits } from './limits.ts';
import type { PublishStats } from './publish-stats.ts';
import { WhipSession } from './whip-session.ts';

/** How often the statistics are read. */
const STATS_MS = 1000;

/** connecting: for the first time · reconnecting: the broadcast waits for us · failed: trying again is of no use. */
export type PublisherState = 'connecting' | 'live' | 'reconnecting' | 'ended' | 'failed';

/**
 * network: the server cannot be reached · refused: the token does not fit the stream · taken: somebody else publishes on it ·
 * no-codec: no common format · overloaded: the server asks to wait · over: the broadcast was ended elsewhere.
 */
export type PublishReason = 'network' | 'refused' | 'taken' | 'no-codec' | 'overloaded' | 'over';

export interface PublisherSnapshot {
  readonly state: PublisherState;
  /** Why it is not live. */
  readonly reason: PublishReason | undefined;
  readonly stats: PublishStats | undefined;
}

/** One connection that sends. `lost` resolves when it will not come back. */
export interface PublishSession<Media> {
  readonly lost: Promise<void>;
  replace(stream: Media): Promise<boolean>;
  limit(limits: PublishLimits): Promise<void>;
  stats(): Promise<PublishStats | undefined>;
  /** The network is back: looks at once whether the path still works. */
  repairNow(): void;
  /** Tells the server. */
  close(): void;
  /** Without telling the server, which goes on waiting for us. */
  abandon(): void;
}

export interface OpenSession<Media> {
  readonly stream: Media;
  readonly limits: PublishLimits;
  readonly signal: AbortSignal;
}

export interface PublisherDeps<Media> {
  readonly stream: Media;
  readonly limits: PublishLimits;
  readonly random: () => number;
  /** Tells `online` and `pagehide`; the window in browsers. */
  readonly page: Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;
  /** What becomes of the session when the page goes: `end` tells the server at once, `keep` lets the broadcast wait for a reload. */
  readonly onPageHide: 'end' | 'keep';
  open(options: OpenSession<Media>): Promise<PublishSession<Media>>;
  /** Asked before each reconnection: false when the broadcast was ended elsewhere. */
  stillWanted?(): Promise<boolean>;
  onChange(snapshot: PublisherSnapshot): void;
}

/** `Media` is what is captured: a MediaStream in browsers. */
export class Publisher<Media = MediaStream> {
  readonly #deps: PublisherDeps<Media>;
  readonly #abort = new AbortController();
  readonly #listening = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #stream: Media;
  #limits: PublishLimits;
  #session: PublishSession<Media> | undefined;
  #wake: (() => void) | undefined;
  #snapshot: PublisherSnapshot = { state: 'connecting', reason: undefined, stats: undefined };
  /** How it ended: `ended` or `failed` is in the snapshot. */
  readonly closed: Promise<void>;

  constructor(deps: PublisherDeps<Media>) {
    this.#deps = deps;
    this.#stream = deps.stream;
    this.#limits = deps.limits;
    const { signal } = this.#listening;
    deps.page.addEventListener('online', () => this.retryNow(), { signal });
    deps.page.addEventListener('pagehide', () => (deps.onPageHide === 'end' ? this.#session?.close() : this.#session?.abandon()), { signal });
    this.#timer = setInterval(() => void this.#measure(), STATS_MS);
    this.closed = this.#run();
  }

  get snapshot(): PublisherSnapshot {
    return this.#snapshot;
  }

  /** Sends other tracks from now on: another camera, or a fresh one after an interruption. */
  async replaceStream(stream: Media): Promise<void> {
    this.#stream = stream;
    const session = this.#session;
    const replaced = await session?.replace(stream).catch(() => false);
    if (replaced === false) session?.abandon();
  }

  async limit(limits: PublishLimits): Promise<void> {
    this.#limits = limits;
    await this.#session?.limit(limits);
  }

  /** Tries at once instead of waiting. */
  retryNow(): void {
    this.#session?.repairNow();
    this.#wake?.();
  }

  /** Says goodbye to the server. The tracks stay the caller's. */
  end(): void {
    if (this.#over) return;
    this.#session?.close();
    this.#finish('ended', undefined);
  }

  get #over(): boolean {
    return this.#snapshot.state === 'ended' || this.#snapshot.state === 'failed';
  }

  async #run(): Promise<void> {
    for (let attempt = 0; !this.#over; ) {
      try {
        const session = await this.#deps.open({ stream: this.#stream, limits: this.#limits, signal: this.#abort.signal });
        if (this.#over) {
          session.close();
          return;
        }
        attempt = 0;
        this.#session = session;
        this.#tell({ state: 'live', reason: undefined });
        await session.lost;
        this.#session = undefined;
        session.close();
        await this.#waitAgain('network', retryDelayMs(attempt++, this.#deps.random));
      } catch (error) {
        const reason = reasonOf(error);
        if (isFinal(reason)) this.#finish('failed', reason);
        else await this.#waitAgain(reason, Math.max(retryDelayMs(attempt++, this.#deps.random), (error instanceof SignallingError ? error.retryAfterMs : 0) ?? 0));
      }
    }
  }

  async #waitAgain(reason: PublishReason, ms: number): Promise<void> {
    if (this.#over) return;
    this.#tell({ state: this.#snapshot.state === 'connecting' ? 'connecting' : 'reconnecting', reason });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    if (this.#over || this.#snapshot.state === 'connecting') return;
    const wanted = await this.#deps.stillWanted?.().catch(() => true);
    if (wanted === false) this.#finish('ended', 'over');
  }

  #finish(state: 'ended' | 'failed', reason: PublishReason | undefined): void {
    if (this.#over) return;
    clearInterval(this.#timer);
    this.#listening.abort();
    this.#tell({ state, reason });
    this.#abort.abort();
    this.#wake?.();
  }

  async #measure(): Promise<void> {
    const session = this.#session;
    const stats = await session?.stats().catch(() => undefined);
    if (session && session === this.#session) this.#tell({ stats });
  }

  #tell(change: Partial<PublisherSnapshot>): void {
    if (this.#over) return;
    this.#snapshot = { ...this.#snapshot, ...change };
    this.#deps.onChange(this.#snapshot);
  }
}

export interface PublishOptions {
  /** The WHIP endpoint, and the stream's key. */
  readonly url: string;
  readonly token: string;
  readonly stream: MediaStream;
  readonly limits?: PublishLimits;
  /** Preferred video codecs, first choice first; H.264 when left out. */
  readonly codecs?: readonly string[];
  /**
   * Sends the picture at half its size too, for viewers whose network does not take the whole. A quarter more pixels to encode. For
   * cameras of 540 lines and more: browsers leave out layers of smaller pictures. Default false.
   */
  readonly simulcast?: boolean;
  /** Default `end`. */
  readonly onPageHide?: 'end' | 'keep';
  readonly stillWanted?: () => Promise<boolean>;
  readonly onChange?: (snapshot: PublisherSnapshot) => void;
}

/** Goes live with what `stream` captures. */
export function publish({ url, token, stream, limits = {}, codecs, simulcast, onPageHide = 'end', stillWanted, onChange = () => {} }: PublishOptions): Publisher {
  return new Publisher({
    stream,
    limits,
    random: Math.random,
    page: globalThis,
    onPageHide,
    open: (options) => WhipSession.open({ ...options, url, token, codecs, simulcast, fetch: (...request) => fetch(...request), RTCPeerConnection }),
    ...(stillWanted ? { stillWanted } : {}),
    onChange,
  });
}

function reasonOf(error: unknown): PublishReason {
  if (!(error instanceof SignallingError)) return 'network';
  switch (error.status) {
    case 401:
    case 403:
    case 404:
      return 'refused';
    case 400:
    case 406:
    case 413:
    case 415:
    case 422:
      return 'no-codec';
    case 409:
      return 'taken';
    case 429:
    case 503:
      return 'overloaded';
    default:
      return 'network';
  }
}

function isFinal(reason: PublishReason): boolean {
  return reason === 'refused' || reason === 'no-codec';
}
