/** The engine where the media element reads HLS by itself: Safari on iPhones. */
import type { Engine, EngineListener } from './engine.ts';

/** Waits before the element is given the address again after a failure; the last repeats. */
const RETRY_DELAYS_MS = [500, 1000, 2000, 4000];

/** How far from the end of the seekable range the live edge is taken to be, seconds. */
const EDGE_SECONDS = 1.5;

/** Safari's extension: the wall clock of currentTime 0 by PROGRAM-DATE-TIME. */
interface DatedElement {
  getStartDate(): Date;
}

export function nativeEngine(video: HTMLVideoElement, url: string, listener: EngineListener, startAt = 0): Engine {
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const load = () => {
    clearTimeout(timer);
    video.src = url;
    video.load();
  };
  const onMetadata = () => {
    failures = 0;
    if (startAt > 0 && video.currentTime < startAt) video.currentTime = startAt;
    listener.ready();
  };
  const onError = () => {
    // The element does not tell a playlist that is not there yet from a codec it lacks; only decoding errors are final.
    if (video.error?.code === MediaError.MEDIA_ERR_DECODE && failures > 2) {
      listener.unplayable('codec');
      return;
    }
    const delay = RETRY_DELAYS_MS[Math.min(failures, RETRY_DELAYS_MS.length - 1)] ?? 0;
    failures++;
    clearTimeout(timer);
    timer = setTimeout(load, delay);
  };
  video.addEventListener('loadedmetadata', onMetadata);
  video.addEventListener('error', onError);
  load();
  return {
    protocol: 'hls',
    qualities: [],
    quality: undefined,
    details: { codecs: [], bandwidth: undefined, targetLatencyMs: undefined },
    shownAt: () => {
      const start = hasStartDate(video) ? video.getStartDate().getTime() : Number.NaN;
      return Number.isFinite(start) ? start + video.currentTime * 1000 : undefined;
    },
    chooseQuality: () => {},
    chooseDelay: () => false,
    goLive: () => {
      if (video.seekable.length > 0) video.currentTime = Math.max(0, video.seekable.end(video.seekable.length - 1) - EDGE_SECONDS);
    },
    goBack: (seconds) => {
      if (video.seekable.length === 0) return false;
      video.currentTime = Math.max(video.seekable.start(0), video.seekable.end(video.seekable.length - 1) - seconds);
      return true;
    },
    behind: () => (video.seekable.length === 0 ? undefined : Math.max(0, video.seekable.end(video.seekable.length - 1) - video.currentTime)),
    dateBehind: (seconds) => {
      const start = hasStartDate(video) ? video.getStartDate().getTime() : Number.NaN;
      return video.seekable.length > 0 && Number.isFinite(start) ? start + (video.seekable.end(video.seekable.length - 1) - seconds) * 1000 : undefined;
    },
    stay: () => {},
    retryNow: () => {
      if (failures > 0) load();
    },
    close: () => {
      clearTimeout(timer);
      video.removeEventListener('loadedmetadata', onMetadata);
      video.removeEventListener('error', onError);
      video.removeAttribute('src');
      video.load();
    },
  };
}

function hasStartDate(video: unknown): video is DatedElement {
  return typeof video === 'object' && video !== null && 'getStartDate' in video && typeof video.getStartDate === 'function';
}
