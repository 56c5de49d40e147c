/**
 * Keeps a broadcast going from this browser: opens a session, another beside it when the server is no longer heard, and another
 * when it is lost, until somebody ends it. The same token resumes the same broadcast, so viewers keep their player.
 */
import { retryDelayMs } from '../retry-delay.ts';
import { SignallingError } from '../webrtc/signalling.ts';
import type { PublishLimits } from './limits.ts';
import type { PublishSession } from './publish-session.ts';
import type { PublishStats } from './publish-stats.ts';
import { WhipSession } from './whip-session.ts';

/** How often the statistics are read. */
const STATS_MS = 1000;

/** How often it is looked whether the server is still heard. */
const LOOK_MS = 200;

/** Without a sign of the server for so long, a second session is tried: a router may have given this device another address. */
const SILENT_MS = 750;

/** After so long the person is told. */
const TOLD_MS = 3000;

/** Whoever is live waits no longer for the next try: viewers wait too. */
const MAX_RETRY_MS = 1500;

/** A question that is not answered by then is not waited for. */
const ASK_MS = 2000;

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
  /** Rejects with SignallingError; also when its signal is aborted. */
  open(options: OpenSession<Media>): Promise<PublishSession<Media>>;
  /** Asked before each reconnection: false when the broadcast was ended elsewhere. */
  stillWanted?(): Promise<boolean>;
  onChange(snapshot: PublisherSnapshot): void;
}

/** A session on trial beside one that is silent. */
interface Spare<Media> {
  readonly abort: AbortController;
  /** Undefined when it came to nothing. */
  readonly opening: Promise<PublishSession<Media> | undefined>;
}

/** `Media` is what is captured: a MediaStream in browsers. */
export class Publisher<Media = MediaStream> {
  readonly #deps: PublisherDeps<Media>;
  readonly #abort = new AbortController();
  readonly #listening = new AbortController();
  readonly #timers: readonly ReturnType<typeof setInterval>[];
  #stream: Media;
  #limits: PublishLimits;
  #session: PublishSession<Media> | undefined;
  #spare: Spare<Media> | undefined;
  /** Times in a row that a second session came to nothing, and when the next may be tried. */
  #spareFailures = 0;
  #spareAt = 0;
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
    this.#timers = [setInterval(() => void this.#measure(), STATS_MS), setInterval(() => this.#look(), LOOK_MS)];
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
    // What is on its way may be waiting for a network that is gone.
    this.#giveUpSpare();
    this.#wake?.();
  }

  /** Says goodbye to the server, unless that has ended the broadcast already and knows the session no more. The tracks stay the caller's. */
  end({ isKnown = false }: { readonly isKnown?: boolean } = {}): void {
    if (this.#over) return;
    if (!isKnown) this.#session?.close();
    this.#finish('ended', undefined);
  }

  get #over(): boolean {
    return this.#snapshot.state === 'ended' || this.#snapshot.state === 'failed';
  }

  async #run(): Promise<void> {
    for (let attempt = 0; !this.#over; ) {
      try {
        const session = await this.#open(this.#abort.signal);
        attempt = 0;
        await this.#goOn(session);
        await this.#waitAgain('network', this.#delayMs(attempt++));
      } catch (error) {
        const reason = reasonOf(error);
        if (isFinal(reason)) this.#finish('failed', reason);
        else await this.#waitAgain(reason, Math.max(this.#delayMs(attempt++), retryAfterOf(error)));
      }
    }
  }

  async #open(signal: AbortSignal): Promise<PublishSession<Media>> {
    const stream = this.#stream;
    const session = await this.#deps.open({ stream, limits: this.#limits, signal });
    if (this.#over) session.close();
    else if (stream !== this.#stream) await session.replace(this.#stream);
    return session;
  }

  /** Until this session is lost, and those that take its place. */
  async #goOn(first: PublishSession<Media>): Promise<void> {
    let session: PublishSession<Media> | undefined = first;
    while (session && !this.#over) {
      this.#session = session;
      this.#tell({ state: 'live', reason: undefined });
      await session.lost;
      // No goodbye: the server shall wait for us.
      session.abandon();
      session = await this.#successorOf(session);
    }
    this.#session = undefined;
  }

  async #successorOf(lost: PublishSession<Media>): Promise<PublishSession<Media> | undefined> {
    if (this.#session !== lost) return this.#session;
    this.#session = undefined;
    if (this.#spare) this.#tell({ state: 'reconnecting', reason: 'network' });
    return this.#spare?.opening;
  }

  #look(): void {
    const session = this.#session;
    if (!session) return;
    const { silentMs } = session;
    if (silentMs < SILENT_MS) {
      // It is heard again before the second was.
      this.#giveUpSpare();
      if (this.#snapshot.state === 'reconnecting') this.#tell({ state: 'live', reason: undefined });
      return;
    }
    if (silentMs >= TOLD_MS && this.#snapshot.state === 'live') this.#tell({ state: 'reconnecting', reason: 'network' });
    if (!this.#spare && performance.now() >= this.#spareAt) this.#trySpare();
  }

  #trySpare(): void {
    const abort = new AbortController();
    const spare = { abort, opening: this.#openSpare(abort.signal) };
    this.#spare = spare;
    void spare.opening.then((next) => {
      if (this.#spare !== spare) return;
      this.#spare = undefined;
      if (!next) {
        this.#spareAt = performance.now() + this.#delayMs(this.#spareFailures++);
        return;
      }
      this.#spareFailures = 0;
      const old = this.#session;
      if (!old) return;
      this.#session = next;
      old.abandon();
    });
  }

  async #openSpare(signal: AbortSignal): Promise<PublishSession<Media> | undefined> {
    if (!(await this.#isStillWanted())) {
      this.#finish('ended', 'over');
      return undefined;
    }
    if (signal.aborted) return undefined;
    const next = await this.#open(signal).catch(() => undefined);
    if (!signal.aborted) return next;
    next?.close();
    return undefined;
  }

  #giveUpSpare(): void {
    this.#spare?.abort.abort();
    this.#spare = undefined;
    this.#spareFailures = 0;
    this.#spareAt = 0;
  }

  #delayMs(attempt: number): number {
    return Math.min(MAX_RETRY_MS, retryDelayMs(attempt, this.#deps.random));
  }

  /** True also when nobody can tell. */
  async #isStillWanted(): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unknown = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), ASK_MS);
    });
    const wanted = this.#deps.stillWanted?.().catch(() => true) ?? true;
    return Promise.race([wanted, unknown]).finally(() => clearTimeout(timer));
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
    if (!(await this.#isStillWanted())) this.#finish('ended', 'over');
  }

  #finish(state: 'ended' | 'failed', reason: PublishReason | undefined): void {
    if (this.#over) return;
    for (const timer of this.#timers) clearInterval(timer);
    this.#listening.abort();
    this.#giveUpSpare();
    this.#tell({ state, reason });
    this.#abort.abort();
    this.#session?.abandon();
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

function retryAfterOf(error: unknown): number {
  return (error instanceof SignallingError ? error.retryAfterMs : undefined) ?? 0;
}

function isFinal(reason: PublishReason): boolean {
  return reason === 'refused' || reason === 'no-codec';
}
