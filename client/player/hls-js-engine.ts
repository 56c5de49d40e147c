/** The engine on Media Source Extensions: hls.js in low-latency mode, with recovery that never asks for a reload of the page. */
import type { ErrorData, HlsConfig, default as HlsType, LevelDetails } from 'hls.js';
import type { Delay, Engine, EngineListener } from './engine.ts';
import { type Absence, absencesOf, wallClockAt } from './playlist-times.ts';
import { independentStart, loadingStart, type Piece } from './start-position.ts';
import { Throughput } from './throughput.ts';

/** The module as `import('hls.js')` gives it. */
export interface HlsModule {
  readonly default: typeof HlsType;
}

/** Waits before a failed load is tried again; the last repeats for as long as the broadcast goes on. */
const RETRY_DELAYS_MS = [250, 500, 1000, 2000, 3000];

/** Decoding errors this near each other are one fault; a third means that the decoder cannot do it. */
const MEDIA_ERROR_WINDOW_MS = 15_000;
const MAX_MEDIA_RECOVERIES = 3;

/** Enough to bridge a few seconds of a bad network. */
const STEADY_DELAY_SECONDS = 6;

/** Further behind than this many target durations the player jumps instead of hurrying. */
const MAX_LATENCY_DURATIONS = 6;

/** A tenth faster is not heard and catches up a second in ten. */
const HURRY_RATE = 1.1;

/** The oldest segment may be gone by the time it is asked for. */
const PAST_MARGIN_SECONDS = 4;

const CONFIG: Partial<HlsConfig> = {
  lowLatencyMode: true,
  maxLiveSyncPlaybackRate: HURRY_RATE,
  liveDurationInfinity: true,
  backBufferLength: 20,
  maxBufferLength: 15,
  maxMaxBufferLength: 30,
  maxBufferSize: 40_000_000,
  // fMP4 passes through untouched, so a worker would only add a copy.
  enableWorker: false,
  // Who has less than that comes down within seconds; the others begin with the best.
  abrEwmaDefaultEstimate: 5_000_000,
  // A size that was a gap when it was wanted, as before its first segment, is tried again.
  errorPenaltyExpireMs: 3000,
  // Holes of a lost publisher are skipped at once, not waited for.
  maxBufferHole: 0.3,
  nudgeMaxRetry: 8,
};

export interface HlsJsEngineDeps {
  readonly module: HlsModule;
  readonly video: HTMLVideoElement;
  readonly url: string;
  /** Sent with every request as a bearer, for the owner's preview of what viewers may not see yet. */
  readonly authorization?: string | undefined;
  /** To begin with. */
  readonly delay: Delay;
  /** Where a recording begins to be played, seconds. */
  readonly startAt?: number | undefined;
  readonly listener: EngineListener;
  readonly now: () => number;
}

export class HlsJsEngine implements Engine {
  readonly protocol = 'll-hls';
  readonly #deps: HlsJsEngineDeps;
  #hls: HlsType;
  #networkFailures = 0;
  #mediaFailures: number[] = [];
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #retry: (() => void) | undefined;
  readonly #throughput = new Throughput();
  #absences: readonly Absence[] = [];
  #placed = false;
  #jumpWhenBuffered = false;
  #delay: Delay;
  #quality: number | undefined;
  /** The viewer left the live edge on purpose. */
  #isBack = false;
  /** Seconds behind live to be at again, once there is something to go back in. */
  #returnTo: number | undefined;

  constructor(deps: HlsJsEngineDeps) {
    this.#deps = deps;
    this.#delay = deps.delay;
    this.#hls = this.#open(deps.startAt);
  }

  #open(startAt: number | undefined): HlsType {
    const deps = this.#deps;
    const Hls = deps.module.default;
    const { authorization } = deps;
    const hls = new Hls({
      ...CONFIG,
      ...(startAt === undefined ? {} : { startPosition: startAt }),
      ...(this.#delay === 'steady' ? { liveSyncDuration: STEADY_DELAY_SECONDS } : {}),
      ...(authorization ? { xhrSetup: (xhr: XMLHttpRequest) => xhr.setRequestHeader('authorization', `Bearer ${authorization}`) } : {}),
    });
    // Given to the constructor it would have to come with a sync count, which overrules the playlist's hold-back.
    hls.config.liveMaxLatencyDurationCount = MAX_LATENCY_DURATIONS;
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      if (this.#quality !== undefined) hls.nextLevel = this.#quality;
      deps.listener.ready();
      deps.listener.qualities();
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, () => deps.listener.qualities());
    hls.on(Hls.Events.LEVEL_LOADED, (_, { details }) => {
      this.#networkFailures = 0;
      this.#absences = details.live ? [] : absencesOf(details.fragments);
      this.#place(details);
    });
    hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag, stats }) => {
      if (frag.type === 'main') this.#measure(stats);
    });
    hls.on(Hls.Events.FRAG_LOAD_EMERGENCY_ABORTED, (_, { stats }) => this.#measure({ loaded: stats.loaded, loading: { first: stats.loading.first, end: deps.now() } }));
    hls.on(Hls.Events.BUFFER_APPENDED, () => {
      this.#jump();
      this.#return();
    });
    hls.on(Hls.Events.ERROR, (_, data) => this.#failed(data));
    hls.attachMedia(deps.video);
    hls.loadSource(deps.url);
    return hls;
  }

  get qualities() {
    return this.#hls.levels.map((level, index) => ({ index, height: Math.min(level.width, level.height), bitsPerSecond: level.bitrate }));
  }

  get quality(): number | undefined {
    return this.#hls.autoLevelEnabled ? undefined : this.#hls.manualLevel;
  }

  get details() {
    const level = this.#hls.levels[Math.max(0, this.#hls.currentLevel)];
    const codecs = [level?.videoCodec, level?.audioCodec].filter((codec) => codec !== undefined);
    const target = this.#hls.targetLatency;
    return { codecs, bandwidth: this.#hls.bandwidthEstimate, targetLatencyMs: target === null ? undefined : target * 1000 };
  }

  shownAt(): number | undefined {
    return this.#hls.playingDate?.getTime();
  }

  chooseQuality(index: number | undefined): void {
    this.#quality = index;
    this.#hls.nextLevel = index ?? -1;
    this.#deps.listener.qualities();
  }

  chooseDelay(delay: Delay): boolean {
    const { video } = this.#deps;
    this.#delay = delay;
    const seconds = this.#aim();
    if (delay === 'lowest') this.goLive();
    else if (video.seekable.length > 0 && this.#hls.latency < seconds) video.currentTime = Math.max(video.seekable.start(0), video.currentTime - (seconds - this.#hls.latency));
    return true;
  }

  goBack(seconds: number): boolean {
    const { video } = this.#deps;
    const last = video.seekable.length - 1;
    if (last < 0 || !this.#hls.latestLevelDetails) return false;
    this.stay();
    this.#isBack = true;
    // Who went back does not want to be hurried to live.
    this.#hls.config.maxLiveSyncPlaybackRate = 1;
    video.playbackRate = 1;
    this.#jumpWhenBuffered = false;
    video.currentTime = Math.max(video.seekable.start(0) + PAST_MARGIN_SECONDS, video.seekable.end(last) - seconds);
    return true;
  }

  behind(): number | undefined {
    const { seekable, currentTime } = this.#deps.video;
    return seekable.length === 0 ? undefined : Math.max(0, seekable.end(seekable.length - 1) - currentTime);
  }

  dateBehind(seconds: number): number | undefined {
    const { seekable } = this.#deps.video;
    const details = this.#hls.latestLevelDetails;
    if (seekable.length === 0 || !details) return undefined;
    return wallClockAt(details.fragments, Math.max(seekable.start(0), seekable.end(seekable.length - 1) - seconds));
  }

  get absences(): readonly Absence[] {
    return this.#absences;
  }

  stay(): void {
    this.#hls.config.liveMaxLatencyDurationCount = Number.POSITIVE_INFINITY;
  }

  goLive(): void {
    const { video } = this.#deps;
    this.#isBack = false;
    this.#returnTo = undefined;
    this.#hls.config.liveMaxLatencyDurationCount = MAX_LATENCY_DURATIONS;
    this.#hls.config.maxLiveSyncPlaybackRate = HURRY_RATE;
    const wanted = this.#hls.liveSyncPosition;
    if (wanted === null || wanted <= video.currentTime) return;
    const details = this.#hls.latestLevelDetails;
    // Within the buffer any place will do; beyond it decoding has to begin at a key frame.
    const found = isBuffered(video, wanted) || !details ? wanted : (independentStart(piecesOf(details), wanted) ?? wanted);
    if (found > video.currentTime) video.currentTime = found;
  }

  retryNow(): void {
    // The wait for a publisher was no fault of the viewer's network: it must not cost distance from live.
    this.#aim();
    const retry = this.#retry;
    clearTimeout(this.#retryTimer);
    this.#retry = undefined;
    retry?.();
  }

  close(): void {
    clearTimeout(this.#retryTimer);
    this.#retry = undefined;
    this.#hls.destroy();
  }

  #measure({ loaded, loading }: { readonly loaded: number; readonly loading: { readonly first: number; readonly end: number } }): void {
    this.#throughput.add({ bytes: loaded, transferMs: loading.end - loading.first });
    const { bitsPerSecond } = this.#throughput;
    if (bitsPerSecond !== undefined) this.#hls.bandwidthEstimate = bitsPerSecond;
  }

  /** Sets the distance from live that was chosen, and forgets what stalls added to it. Returns it in seconds. */
  #aim(): number {
    const details = this.#hls.latestLevelDetails;
    if (!details) return STEADY_DELAY_SECONDS;
    const lowest = details.partHoldBack || details.holdBack;
    const seconds = this.#delay === 'steady' ? Math.max(STEADY_DELAY_SECONDS, lowest) : lowest;
    this.#hls.targetLatency = seconds;
    return seconds;
  }

  /** Key frames may be ten seconds apart: loads from the last one instead of waiting for the next. */
  #place(details: LevelDetails): void {
    if (this.#placed || !details.live) return;
    this.#placed = true;
    const wanted = this.#hls.liveSyncPosition;
    if (wanted === null) return;
    const start = loadingStart(piecesOf(details), wanted, details.levelTargetDuration);
    if (start === undefined) return;
    this.#jumpWhenBuffered = true;
    this.#hls.stopLoad();
    this.#hls.startLoad(start);
  }

  /** Begun behind for the sake of a key frame: as soon as the live position can be decoded, that is where playback goes on. */
  #jump(): void {
    const { video } = this.#deps;
    const wanted = this.#hls.liveSyncPosition;
    if (!this.#jumpWhenBuffered || wanted === null || !isBuffered(video, wanted)) return;
    this.#jumpWhenBuffered = false;
    if (video.currentTime < wanted) video.currentTime = wanted;
  }

  #failed(data: ErrorData): void {
    if (!data.fatal) return;
    const { listener } = this.#deps;
    const Hls = this.#deps.module.default;
    if (data.details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR || data.details === Hls.ErrorDetails.BUFFER_ADD_CODEC_ERROR) listener.unplayable('codec');
    else if (data.response?.code === 401) listener.unplayable('denied');
    else if (data.type === Hls.ErrorTypes.MEDIA_ERROR) this.#recoverMedia();
    else this.#retryLater(data);
  }

  #recoverMedia(): void {
    const now = this.#deps.now();
    this.#mediaFailures = [...this.#mediaFailures.filter((at) => now - at < MEDIA_ERROR_WINDOW_MS), now];
    if (this.#mediaFailures.length > MAX_MEDIA_RECOVERIES) {
      this.#deps.listener.unplayable('codec');
      return;
    }
    // hls.js would go back to media behind the live edge that may be the cause, and was seen to load it again and again. Only who watches
    // what is past wants to be where they were.
    const isLive = this.#hls.latestLevelDetails?.live ?? true;
    const startAt = isLive ? undefined : this.#deps.video.currentTime;
    this.#returnTo = isLive && this.#isBack ? this.behind() : undefined;
    clearTimeout(this.#retryTimer);
    this.#retry = undefined;
    this.#placed = false;
    this.#jumpWhenBuffered = false;
    this.#hls.destroy();
    this.#hls = this.#open(startAt);
  }

  #return(): void {
    if (this.#returnTo !== undefined && this.goBack(this.#returnTo)) this.#returnTo = undefined;
  }

  #retryLater(data: ErrorData): void {
    const Hls = this.#deps.module.default;
    const fromStart = data.details.startsWith('manifest') || this.#hls.levels.length === 0;
    const delay = RETRY_DELAYS_MS[Math.min(this.#networkFailures, RETRY_DELAYS_MS.length - 1)] ?? 0;
    this.#networkFailures++;
    this.#retry = () => {
      if (fromStart || data.type !== Hls.ErrorTypes.NETWORK_ERROR) {
        this.#placed = false;
        this.#hls.loadSource(this.#deps.url);
      }
      this.#hls.startLoad();
    };
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.retryNow(), delay);
  }
}

function isBuffered(video: HTMLVideoElement, time: number): boolean {
  const { buffered } = video;
  for (let i = 0; i < buffered.length; i++) if (buffered.start(i) <= time && time < buffered.end(i)) return true;
  return false;
}

/** Parts where the playlist has them, whole segments before. Where there are no parts at all segments begin with key frames, as HLS had it always. */
function piecesOf(details: LevelDetails): Piece[] {
  const parts = details.partList ?? [];
  const firstPartAt = parts[0]?.start ?? Number.POSITIVE_INFINITY;
  const segments = details.fragments.filter((fragment) => fragment.start < firstPartAt && !fragment.gap);
  return [
    ...segments.map(({ start, duration }) => ({ start, duration, independent: parts.length === 0 })),
    ...parts.map(({ start, duration, independent }) => ({ start, duration, independent })),
  ];
}
