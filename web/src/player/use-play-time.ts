/** Where a media element is and how long it is, told as often as a person can see. */
import { useEffect, useState } from 'react';

const EVERY_MS = 250;

export interface PlayTime {
  /** Seconds. */
  readonly at: number;
  /** Seconds; 0 while it is not known, or without end. */
  readonly length: number;
}

export function usePlayTime(video: HTMLVideoElement | null): PlayTime {
  const [time, setTime] = useState<PlayTime>({ at: 0, length: 0 });
  useEffect(() => {
    if (!video) return;
    const look = () => {
      const next = { at: video.currentTime, length: Number.isFinite(video.duration) ? video.duration : 0 };
      setTime((before) => (before.at === next.at && before.length === next.length ? before : next));
    };
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => clearInterval(timer);
  }, [video]);
  return time;
}
