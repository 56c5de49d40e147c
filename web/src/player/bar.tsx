/** A slider that moves with the picture until it is taken, and moves the picture when it is let go. */
import type { StoryboardPicture } from '@millrace/client/player/storyboard';
import { type PointerEvent, useEffect, useState } from 'react';
import classes from './bar.module.css';
import { Preview } from './preview.tsx';

/** What an arrow key moves. */
const STEP_SECONDS = 5;

/** The thumb's width, as `bar.module.css` has it: its middle is that far from the bar's ends by half. */
const THUMB_PIXELS = 14;

/** So near to a mark, as a share of the bar, the mark is meant. */
const NEAR_SHARE = 0.008;

/** The element takes a moment to be where it was sent: until then the thumb stays where it was let go. */
const SETTLE_MS = 600;

/** A place on the bar worth knowing. */
export interface Mark {
  readonly value: number;
  readonly text: string;
}

export interface BarProps {
  readonly label: string;
  /** Seconds from its beginning. */
  readonly value: number;
  readonly length: number;
  readonly marks?: readonly Mark[];
  readonly playerHeight: number;
  /** A value in words. */
  readonly say: (value: number) => string;
  readonly picture: (value: number) => StoryboardPicture | undefined;
  /** Somebody looks for a place, from now on or elsewhere. */
  readonly onLook: () => void;
  /** Nobody looks any more, or somebody does again. */
  readonly setLooking: (looking: boolean) => void;
  readonly seek: (value: number) => void;
}

export function Bar({ label, value, length, marks = [], playerHeight, say, picture, onLook, setLooking, seek }: BarProps) {
  const [taken, setTaken] = useState<number>();
  const [settling, setSettling] = useState(false);
  const [hovered, setHovered] = useState<number>();
  const shown = taken ?? value;
  // The bar of a live broadcast grows under the pointer: what is kept is the place.
  const looked = taken !== undefined && !settling ? taken : hovered === undefined ? undefined : hovered * length;
  const words = (at: number) => {
    const mark = marks.find((each) => Math.abs(each.value - at) < length * NEAR_SHARE);
    return mark ? `${say(at)} · ${mark.text}` : say(at);
  };
  const take = (next: number) => {
    setSettling(false);
    setTaken(next);
    onLook();
  };
  const letGo = () => {
    if (taken === undefined || settling) return;
    seek(taken);
    setSettling(true);
  };
  const hover = (event: PointerEvent<HTMLInputElement>) => {
    // A finger that only touches does not look.
    if (event.pointerType === 'touch') return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setHovered(Math.min(1, Math.max(0, (event.clientX - left - THUMB_PIXELS / 2) / (width - THUMB_PIXELS))));
    onLook();
  };
  const looking = looked !== undefined;
  useEffect(() => {
    setLooking(looking);
    return () => setLooking(false);
  }, [looking, setLooking]);
  useEffect(() => {
    if (!settling) return;
    const timer = setTimeout(() => {
      setTaken(undefined);
      setSettling(false);
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [settling]);
  return (
    <div className={classes.bar}>
      {looked !== undefined && <Preview share={looked / length} words={words(looked)} picture={picture(looked)} playerHeight={playerHeight} />}
      <input
        type="range"
        className={classes.range}
        aria-label={label}
        aria-valuetext={words(shown)}
        min={0}
        max={length}
        step={STEP_SECONDS / 50}
        value={shown}
        style={{ '--at': `${(shown / length) * 100}%` }}
        onChange={(event) => take(event.currentTarget.valueAsNumber)}
        onPointerMove={hover}
        onPointerLeave={() => setHovered(undefined)}
        onPointerUp={letGo}
        onPointerCancel={letGo}
        onKeyDown={(event) => {
          const by = event.key === 'ArrowLeft' || event.key === 'ArrowDown' ? -STEP_SECONDS : event.key === 'ArrowRight' || event.key === 'ArrowUp' ? STEP_SECONDS : 0;
          if (by === 0) return;
          event.preventDefault();
          take(Math.min(length, Math.max(0, shown + by)));
        }}
        onKeyUp={letGo}
        onBlur={letGo}
      />
      {marks.map((mark) => (
        <span key={mark.value} className={classes.mark} style={{ '--share': String(mark.value / length) }} data-mark={mark.text} />
      ))}
    </div>
  );
}
