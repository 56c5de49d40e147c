/** The row of controls under the picture. */

import IconBadgeCc from '~icons/badge-cc';
import IconArrowsMaximize from '~icons/maximize';
import IconArrowsMinimize from '~icons/minimize';
import IconPictureInPicture from '~icons/picture-in-picture';
import IconPlayerPauseFilled from '~icons/player-pause-filled';
import IconPlayerPlayFilled from '~icons/player-play-filled';
import IconRectangle from '~icons/rectangle';
import IconRectangleFilled from '~icons/rectangle-filled';
import IconSettings from '~icons/settings';
import IconVolume from '~icons/volume';
import IconVolume2 from '~icons/volume-2';
import IconVolumeOff from '~icons/volume-off';
import { IconButton } from '../parts/icon-button.tsx';
import { elapsed, seconds } from '../text/format.ts';
import { t } from '../text/text.ts';
import classes from './controls.module.css';
import { SettingsMenu } from './settings-menu.tsx';
import { usePlayTime } from './use-play-time.ts';
import type { LivePlayer } from './use-player.ts';

const ICON = { size: 22, stroke: 1.75 } as const;

/** Nearer than this nobody notices. */
const REAL_TIME_MS = 300;

/** From here on it is told in minutes. */
const A_MINUTE_MS = 60_000;

export interface ControlsProps {
  readonly live: LivePlayer;
  /** It has no live edge, and no delay to choose. */
  readonly isRecording: boolean;
  readonly menuOpen: boolean;
  readonly setMenuOpen: (open: boolean) => void;
  readonly theatre?: { readonly on: boolean; readonly toggle: () => void };
  readonly onGoLive: () => void;
}

export function Controls({ live, isRecording, menuOpen, setMenuOpen, theatre, onGoLive }: ControlsProps) {
  const { snapshot, video } = live;
  const hasCaptions = (video?.textTracks.length ?? 0) > 0;
  return (
    <>
      {menuOpen && <SettingsMenu live={live} isRecording={isRecording} close={() => setMenuOpen(false)} />}
      <div className={classes.row}>
        <media-play-button class={classes.button}>
          <IconPlayerPlayFilled slot="play" size={22} />
          <IconPlayerPauseFilled slot="pause" size={22} />
        </media-play-button>
        <div className={classes.volume}>
          <media-mute-button class={classes.button}>
            <IconVolumeOff slot="off" {...ICON} />
            <IconVolume2 slot="low" {...ICON} />
            <IconVolume slot="medium" {...ICON} />
            <IconVolume slot="high" {...ICON} />
          </media-mute-button>
          <media-volume-range class={classes.range} />
        </div>
        {isRecording ? <Progress live={live} /> : <LiveEdge live={live} onGoLive={onGoLive} />}
        <span className={classes.space} />
        {hasCaptions && (
          <media-captions-button class={classes.button}>
            <IconBadgeCc slot="on" {...ICON} />
            <IconBadgeCc slot="off" {...ICON} />
          </media-captions-button>
        )}
        <IconButton
          label={t(isRecording ? 'watch.settings.recording' : 'watch.settings')}
          aria-expanded={menuOpen}
          aria-haspopup="dialog"
          onClick={() => setMenuOpen(!menuOpen)}
          data-latency={snapshot.latencyMs === undefined ? undefined : seconds(snapshot.latencyMs)}
        >
          <IconSettings {...ICON} />
        </IconButton>
        <media-pip-button class={`${classes.button} ${classes.wide}`}>
          <IconPictureInPicture slot="enter" {...ICON} />
          <IconPictureInPicture slot="exit" {...ICON} />
        </media-pip-button>
        {theatre && (
          <IconButton className={classes.wide ?? ''} label={theatre.on ? t('watch.theatre.leave') : t('watch.theatre')} aria-pressed={theatre.on} onClick={theatre.toggle}>
            {theatre.on ? <IconRectangleFilled {...ICON} /> : <IconRectangle {...ICON} />}
          </IconButton>
        )}
        <media-fullscreen-button class={classes.button}>
          <IconArrowsMaximize slot="enter" {...ICON} />
          <IconArrowsMinimize slot="exit" {...ICON} />
        </media-fullscreen-button>
      </div>
    </>
  );
}

/** Where in the recording, and how long it is. */
function Progress({ live }: { readonly live: LivePlayer }) {
  const { at, length } = usePlayTime(live.video);
  return (
    <span className={`${classes.edge} ${classes.behind} figures`}>
      {elapsed(at * 1000)} / {elapsed(length * 1000)}
    </span>
  );
}

/** Live, with how far behind; or, when the viewer fell back, the way to live. */
function LiveEdge({ live, onGoLive }: { readonly live: LivePlayer; readonly onGoLive: () => void }) {
  const { state, atLive, latencyMs, protocol } = live.snapshot;
  if (state === 'reconnecting') return null;
  const realTime = protocol === 'whep' && (latencyMs === undefined || latencyMs < REAL_TIME_MS);
  const behind = realTime
    ? t('watch.realTime')
    : latencyMs === undefined
      ? undefined
      : t('watch.latency', { seconds: latencyMs < A_MINUTE_MS ? seconds(latencyMs) : elapsed(latencyMs) });
  // In real time there is nothing behind: playing is live, and what stands still is not.
  const stands = protocol === 'whep' && state === 'paused';
  if (stands || (!atLive && protocol !== 'whep')) {
    return (
      <button type="button" className={classes.goLive} onClick={onGoLive}>
        {t('watch.behind')}
        {behind && !stands && <span className={`${classes.behind} figures`}>{behind}</span>}
      </button>
    );
  }
  return (
    <span className={classes.edge}>
      <span className={classes.dot} aria-hidden="true" />
      <span>{t('watch.live')}</span>
      {behind && <span className={`${classes.behind} figures`}>{behind}</span>}
    </span>
  );
}
