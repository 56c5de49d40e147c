/** The bar of time: through a recording from its beginning, or back in what is live as far as the host allows. */
import { pictureAt } from '@millrace/client/player/storyboard';
import { useServices } from '../parts/services.tsx';
import { elapsed } from '../text/format.ts';
import { t } from '../text/text.ts';
import classes from './bar.module.css';
import { Bar } from './bar.tsx';
import { usePlayTime } from './use-play-time.ts';
import type { LivePlayer } from './use-player.ts';
import { useStoryboard } from './use-storyboard.ts';

/** Each with the address of its preview pictures. */
export type TimeSpan =
  | { readonly type: 'recording'; readonly storyboard: string }
  /** Null: to the beginning. */
  | { readonly type: 'live'; readonly storyboard: string; readonly startedAt: string | null; readonly rewindSeconds: number | null };

/** Less than this is not worth a bar. */
const LEAST_SECONDS = 20;

/** Players are never nearer to live than this, so it counts as live. */
const LIVE_SECONDS = 4;

export interface SeekBarProps {
  readonly live: LivePlayer;
  readonly time: TimeSpan;
  /** Whether somebody is looking for a place, so that the bar has to stay. */
  readonly setLooking: (looking: boolean) => void;
}

export function SeekBar({ live, time, setLooking }: SeekBarProps) {
  return time.type === 'recording' ? (
    <RecordingBar live={live} storyboard={time.storyboard} setLooking={setLooking} />
  ) : (
    <LiveBar live={live} time={time} setLooking={setLooking} />
  );
}

function RecordingBar({ live: { player, video }, storyboard: url, setLooking }: Omit<SeekBarProps, 'time'> & { readonly storyboard: string }) {
  const { at, length } = usePlayTime(video);
  const { storyboard, look } = useStoryboard({ url, isLive: false });
  if (!video || length === 0) return <div className={classes.empty} />;
  return (
    <Bar
      label={t('watch.seek.recording')}
      value={at}
      length={length}
      marks={player?.absences.map((absence) => ({ value: absence.at, text: t('watch.seek.away', { duration: elapsed(absence.seconds * 1000) }) })) ?? []}
      playerHeight={video.clientHeight}
      picture={(value) => storyboard && pictureAt(storyboard, value)}
      onLook={look}
      setLooking={setLooking}
      say={(value) => t('watch.seek.at', { at: elapsed(value * 1000), length: elapsed(length * 1000) })}
      seek={(value) => {
        video.currentTime = value;
      }}
    />
  );
}

function LiveBar({
  live: { player, video },
  time: { startedAt, rewindSeconds, storyboard: url },
  setLooking,
}: Omit<SeekBarProps, 'time'> & { readonly time: Extract<TimeSpan, { type: 'live' }> }) {
  const { clock } = useServices();
  const { storyboard, look } = useStoryboard({ url, isLive: true });
  // The element's clock is what makes this draw again.
  usePlayTime(video);
  const behind = player?.behindSeconds ?? 0;
  const since = startedAt === null ? 0 : (clock.now() - Date.parse(startedAt)) / 1000;
  const length = Math.max(behind, Math.min(since, rewindSeconds ?? Number.POSITIVE_INFINITY));
  if (!player || length < LEAST_SECONDS) return null;
  const pictureOf = (value: number) => {
    const at = player.dateBehind(length - value);
    return storyboard?.startsAtMs === undefined || at === undefined ? undefined : pictureAt(storyboard, (at - storyboard.startsAtMs) / 1000);
  };
  return (
    <Bar
      label={t('watch.seek.live')}
      value={length - (behind < LIVE_SECONDS ? 0 : behind)}
      length={length}
      playerHeight={video?.clientHeight ?? 0}
      picture={pictureOf}
      onLook={look}
      setLooking={setLooking}
      say={(value) => (length - value < LIVE_SECONDS ? t('watch.seek.atLive') : t('watch.seek.behind', { duration: elapsed((length - value) * 1000) }))}
      seek={(value) => {
        if (length - value < LIVE_SECONDS) player.goLive();
        else player.rewind(length - value);
      }}
    />
  );
}
