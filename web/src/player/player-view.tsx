/** The player as people see it: the picture, what is said over it, and the controls that fade when nobody needs them. */
import { type ReactNode, useRef, useState } from 'react';
import { Poster } from '../parts/poster.tsx';
import { t } from '../text/text.ts';
import { Controls } from './controls.tsx';
import { nameMediaControls } from './media-chrome.ts';
import classes from './player-view.module.css';
import { SeekBar, type TimeSpan } from './seek-bar.tsx';
import { StateOverlay, type StateOverlayProps } from './state-overlay.tsx';
import type { LivePlayer } from './use-player.ts';
import { useShortcuts } from './use-shortcuts.ts';

nameMediaControls();

export interface PlayerViewProps {
  readonly live: LivePlayer;
  /** The stream's id: the poster is made from it. */
  readonly seed: string;
  readonly title: string;
  /** Address of its picture, once there may be one. */
  readonly poster?: string | undefined;
  readonly facts: StateOverlayProps['facts'];
  /** What the bar of time is of; without one there is no bar. */
  readonly time?: TimeSpan;
  /** Shown over the top of the picture while the controls are. */
  readonly heading?: ReactNode;
  readonly theatre?: { readonly on: boolean; readonly toggle: () => void };
  /** The whole page's keys steer this player. */
  readonly shortcuts?: boolean;
  readonly muted?: boolean;
}

/** States in which no frame of this run was shown yet, so that the poster stands in for it. */
const POSTER_STATES: ReadonlySet<string> = new Set(['waiting', 'starting', 'blocked', 'ended', 'unplayable']);

export function PlayerView({ live, seed, title, poster, facts, time, heading, theatre, shortcuts = false, muted = false }: PlayerViewProps) {
  const { snapshot, player, attach } = live;
  const [menuOpen, setMenuOpen] = useState(false);
  const [looking, setLooking] = useState(false);
  const controller = useRef<HTMLElement>(null);
  useShortcuts({ live, controller, theatre: theatre?.toggle, active: shortcuts });
  const { state } = snapshot;
  // Sound alone, or a host who was away before this page was opened.
  const noPicture = (state === 'playing' || state === 'reconnecting') && live.video?.videoWidth === 0;
  const showControls = state === 'playing' || state === 'paused' || state === 'stalled' || state === 'reconnecting';

  return (
    <section
      className={`${classes.player} on-picture`}
      aria-label={t('watch.player', { title })}
      data-state={state}
      data-latency-ms={snapshot.latencyMs}
      data-protocol={snapshot.protocol}
      data-stalls={snapshot.stalls}
      data-controls={showControls || undefined}
      data-time={time?.type}
    >
      <media-controller ref={controller} class={classes.controller} autohide="3" nohotkeys novolumepref nomutedpref noautoseektolive defaultstreamtype="live">
        <video slot="media" ref={attach} className={classes.video} playsInline muted={muted} tabIndex={-1} crossOrigin="anonymous" />
        {heading && showControls && (
          <div slot="top-chrome" className={classes.heading}>
            {heading}
          </div>
        )}
        <div slot="centered-chrome" className={classes.overlay} {...{ noautohide: '' }}>
          {(noPicture || POSTER_STATES.has(state)) && <Poster seed={seed} picture={poster} className={classes.poster ?? ''} />}
          <StateOverlay live={live} facts={facts} />
        </div>
        {showControls && (
          <div className={classes.controls} {...(menuOpen || looking ? { noautohide: '' } : {})}>
            {time && <SeekBar live={live} time={time} setLooking={setLooking} />}
            <Controls
              live={live}
              isRecording={time?.type === 'recording'}
              menuOpen={menuOpen}
              setMenuOpen={setMenuOpen}
              {...(theatre ? { theatre } : {})}
              onGoLive={() => player?.goLive()}
            />
          </div>
        )}
      </media-controller>
    </section>
  );
}
