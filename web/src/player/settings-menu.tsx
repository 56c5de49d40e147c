/** Latency, quality and details, in one menu over the picture. Lives inside the player so that it shows in full screen too. */
import { LATENCIES, type Latency } from '@millrace/client/player/engine-switch';
import { useEffect, useId, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { bitrate, number, seconds } from '../text/format.ts';
import { t } from '../text/text.ts';
import { rememberLatency } from './last-latency.ts';
import classes from './settings-menu.module.css';
import type { LivePlayer } from './use-player.ts';

/** Nothing is nought behind. */
const LEAST_LATENCY_MS = 100;

const PROTOCOLS = { whep: 'WebRTC (WHEP)', 'll-hls': 'LL-HLS', hls: 'HLS' } as const;

/** Where the picture is too small to hold the menu: it comes from the bottom of the window instead. */
const NARROW = '(max-width: 640px)';

export interface SettingsMenuProps {
  readonly live: LivePlayer;
  /** It has no latency to choose. */
  readonly isRecording: boolean;
  readonly close: () => void;
}

export function SettingsMenu({ live, isRecording, close }: SettingsMenuProps) {
  const { snapshot, player } = live;
  const menu = useRef<HTMLDivElement>(null);
  const name = useId();
  useEffect(() => {
    menu.current?.querySelector('input')?.focus();
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') close();
    };
    const onPointer = (event: PointerEvent) => {
      if (event.target instanceof Element && !menu.current?.contains(event.target) && !event.target.closest('[aria-haspopup="dialog"]')) close();
    };
    document.addEventListener('keydown', onKey);
    document.addEventListener('pointerdown', onPointer);
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('pointerdown', onPointer);
    };
  }, [close]);

  const choose = (latency: Latency) => {
    rememberLatency(latency);
    player?.chooseLatency(latency);
  };
  const sheet = !document.fullscreenElement && matchMedia(NARROW).matches;
  const content = (
    <div
      ref={menu}
      className={`on-picture ${classes.menu}`}
      data-sheet={sheet || undefined}
      role="dialog"
      aria-label={t(isRecording ? 'watch.settings.recording' : 'watch.settings')}
    >
      {!isRecording && (
        <fieldset className={classes.group}>
          <legend>{t('watch.settings.latency')}</legend>
          <p className={`${classes.now} figures`}>
            {snapshot.latencyMs === undefined ? t('watch.latency.unknown') : t('watch.latency', { seconds: seconds(Math.max(LEAST_LATENCY_MS, snapshot.latencyMs)) })}
          </p>
          {LATENCIES.map((latency) => (
            <Choice key={latency} name={`${name}-latency`} label={t(`watch.settings.latency.${latency}`)} checked={snapshot.latency === latency} choose={() => choose(latency)} />
          ))}
          {snapshot.fallBack && <p className={classes.note}>{t(`watch.fallBack.${snapshot.fallBack}`)}</p>}
        </fieldset>
      )}
      <fieldset className={classes.group}>
        <legend>{t('watch.quality')}</legend>
        {snapshot.qualities.length > 1 ? (
          <>
            <Choice name={`${name}-quality`} label={t('watch.quality.auto')} checked={snapshot.quality === undefined} choose={() => player?.chooseQuality(undefined)} />
            {snapshot.qualities.toReversed().map(({ index, height }) => (
              <Choice key={index} name={`${name}-quality`} label={`${height}p`} checked={snapshot.quality === index} choose={() => player?.chooseQuality(index)} />
            ))}
          </>
        ) : (
          <p className={classes.note}>{t('watch.quality.source')}</p>
        )}
      </fieldset>
      <details className={classes.details}>
        <summary>{t('watch.details')}</summary>
        <Details live={live} />
        <p className={`${classes.note} ${classes.keys}`}>{t('watch.keys.text')}</p>
      </details>
    </div>
  );
  return sheet ? createPortal(content, document.body) : content;
}

function Choice({ name, label, checked, choose }: { readonly name: string; readonly label: string; readonly checked: boolean; readonly choose: () => void }) {
  return (
    <label className={classes.choice}>
      <input type="radio" name={name} checked={checked} onChange={choose} />
      <span>{label}</span>
    </label>
  );
}

function Details({ live }: { readonly live: LivePlayer }) {
  const { player, video, snapshot } = live;
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const details = player?.details;
  const buffered = video && video.buffered.length > 0 ? Math.max(0, video.buffered.end(video.buffered.length - 1) - video.currentTime) : 0;
  const rows: [string, string][] = [
    [t('watch.details.size'), video && video.videoWidth > 0 ? `${video.videoWidth} × ${video.videoHeight}` : '–'],
    [t('watch.details.codecs'), details?.codecs.map((codec) => codec.replace(/^(video|audio)\//, '')).join(', ') || '–'],
    [t('watch.details.protocol'), PROTOCOLS[snapshot.protocol ?? 'll-hls']],
    [t('watch.details.bandwidth'), details?.bandwidth === undefined ? '–' : bitrate(details.bandwidth)],
    [t('watch.details.buffer'), seconds(buffered * 1000)],
    [t('watch.details.stalls'), number(snapshot.stalls)],
    [t('watch.details.dropped'), number(video?.getVideoPlaybackQuality().droppedVideoFrames ?? 0)],
  ];
  return (
    <dl className={`${classes.rows} figures`}>
      {rows.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
