/**
 * What stands for a stream or a recording: its picture, and where there is none a poster made of a title, water lines that are the same for the
 * same stream every time.
 */
import { useState } from 'react';
import classes from './poster.module.css';

/** Lines on a poster; few enough to stay quiet. */
const LINES = 7;
const WIDTH = 320;
const HEIGHT = 180;

export interface PosterProps {
  /** What the lines are made from: the stream's id or code. */
  readonly seed: string;
  readonly title?: string;
  /** Address of the picture; what is drawn stands until it is there. */
  readonly picture?: string | undefined;
  readonly className?: string;
}

export function Poster({ seed, title, picture, className }: PosterProps) {
  const [seen, setSeen] = useState(false);
  return (
    <div className={`on-picture ${classes.poster} ${className ?? ''}`}>
      <svg aria-hidden="true" className={classes.lines} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="xMidYMid slice">
        {waterLines(seed).map((path) => (
          <path key={path} d={path} />
        ))}
      </svg>
      {picture !== undefined && (
        <img
          src={picture}
          alt=""
          loading="lazy"
          decoding="async"
          className={classes.picture}
          data-seen={seen || undefined}
          onLoad={() => setSeen(true)}
          onError={() => setSeen(false)}
        />
      )}
      {title && (
        <span className={classes.title} data-on-picture={seen || undefined}>
          {title}
        </span>
      )}
    </div>
  );
}

/** Sine waves whose height, length and phase come from the seed and change a little from line to line, as water does. */
export function waterLines(seed: string): string[] {
  const random = seeded(seed);
  const length = 120 + random() * 140;
  const height = 8 + random() * 14;
  const phase = random() * Math.PI * 2;
  const shift = 0.35 + random() * 0.7;
  return Array.from({ length: LINES }, (_, line) => {
    const y = 58 + line * 19;
    const points = Array.from({ length: 41 }, (_, step) => {
      const x = (step / 40) * WIDTH;
      const swell = Math.sin((x / WIDTH) * Math.PI);
      const wave = Math.sin((x / length) * Math.PI * 2 + phase + line * shift) * height * (0.4 + 0.6 * swell);
      return `${x.toFixed(1)} ${(y + wave).toFixed(1)}`;
    });
    return `M${points.join('L')}`;
  });
}

/** mulberry32 over an FNV-1a hash: small, and the same everywhere. */
function seeded(seed: string): () => number {
  let state = 2166136261;
  for (const character of seed) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
