/** The bar of time: through a recording from its beginning, or back in what is live as far as the host allows. */
import { useEffect, useState } from 'react';
import { useServices } from '../app/services.tsx';
import { elapsed } from '../text/format.ts';
import { t } from '../text/text.ts';
import classes from './seek-bar.module.css';
import { usePlayTime } from './use-play-time.ts';
import type { LivePlayer } from './use-player.ts';

export type TimeSpan =
  | { readonly type: 'recording' }
  /** Null: to the beginning. */
  | { readonly type: 'live'; readonly startedAt: string | null; readonly rewindSeconds: number | null };

/** Less than this is not worth a bar. */
const LEAST_SECONDS = 20;

/** Players are never nearer to live than this, so it counts as live. */
const LIVE_SECONDS = 4;

/** What an arrow key moves. */
const STEP_SECONDS = 5;

export function SeekBar({ live, time }: { readonly live: LivePlayer; readonly time: TimeSpan }) {
  return time.type === 'recording' ? <RecordingBar live={live} /> : <LiveBar live={live} startedAt={time.startedAt} rewindSeconds={time.rewindSeconds} />;
}

function RecordingBar({ live: { video } }: { readonly live: LivePlayer }) {
  const { at, length } = usePlayTime(video);
  if (!video || length === 0) return <div className={classes.empty} />;
  return (
    <Bar
      label={t('watch.seek.recording')}
      value={at}
      length={length}
      say={(value) => t('watch.seek.at', { at: elapsed(value * 1000), length: elapsed(length * 1000) })}
      seek={(value) => {
        video.currentTime = value;
      }}
    />
  );
}

interface LiveBarProps {
  readonly live: LivePlayer;
  readonly startedAt: string | null;
  readonly rewindSeconds: number | null;
}

function LiveBar({ live: { player, video }, startedAt, rewindSeconds }: LiveBarProps) {
  const { clock } = useServices();
  // The element's clock is what makes this draw again.
  usePlayTime(video);
  const behind = player?.behindSeconds ?? 0;
  const since = startedAt === null ? 0 : (clock.now() - Date.parse(startedAt)) / 1000;
  const length = Math.max(behind, Math.min(since, rewindSeconds ?? Number.POSITIVE_INFINITY));
  if (!player || length < LEAST_SECONDS) return null;
  return (
    <Bar
      label={t('watch.seek.live')}
      value={length - (behind < LIVE_SECONDS ? 0 : behind)}
      length={length}
      say={(value) => (length - value < LIVE_SECONDS ? t('watch.seek.atLive') : t('watch.seek.behind', { duration: elapsed((length - value) * 1000) }))}
      seek={(value) => {
        if (length - value < LIVE_SECONDS) player.goLive();
        else player.rewind(length - value);
      }}
    />
  );
}

interface BarProps {
  readonly label: string;
  /** Seconds from its beginning. */
  readonly value: number;
  readonly length: number;
  /** A value in words. */
  readonly say: (value: number) => string;
  readonly seek: (value: number) => void;
}

/** A slider that moves with the picture until it is taken, and moves the picture when it is let go. */
function Bar({ label, value, length, say, seek }: BarProps) {
  const [taken, setTaken] = useState<number>();
  const [settling, setSettling] = useState(false);
  const shown = taken ?? value;
  const letGo = () => {
    if (taken === undefined || settling) return;
    seek(taken);
    setSettling(true);
  };
  // The element takes a moment to be where it was sent: until then the thumb stays where it was let go.
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
      {taken !== undefined && !settling && (
        <output className={`${classes.tip} figures`} style={{ left: `${(shown / length) * 100}%` }}>
          {say(shown)}
        </output>
      )}
      <input
        type="range"
        className={classes.range}
        aria-label={label}
        aria-valuetext={say(shown)}
        min={0}
        max={length}
        step={STEP_SECONDS / 50}
        value={shown}
        style={{ '--at': `${(shown / length) * 100}%` }}
        onChange={(event) => {
          setSettling(false);
          setTaken(event.currentTarget.valueAsNumber);
        }}
        onPointerUp={letGo}
        onKeyDown={(event) => {
          const by = event.key === 'ArrowLeft' || event.key === 'ArrowDown' ? -STEP_SECONDS : event.key === 'ArrowRight' || event.key === 'ArrowUp' ? STEP_SECONDS : 0;
          if (by === 0) return;
          event.preventDefault();
          setSettling(false);
          setTaken(Math.min(length, Math.max(0, shown + by)));
        }}
        onKeyUp={letGo}
        onBlur={letGo}
      />
    </div>
  );
}

const SETTLE_MS = 600;
