/** What the player says over the picture when there is something to say. Never a bare spinner. */
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import IconPlayerPlayFilled from '~icons/player-play-filled';
import IconVolumeOff from '~icons/volume-off';
import { useServices } from '../parts/services.tsx';
import { useNow } from '../parts/use-now.ts';
import { elapsed, when } from '../text/format.ts';
import { t } from '../text/text.ts';
import classes from './state-overlay.module.css';
import type { LivePlayer } from './use-player.ts';

export interface StateOverlayProps {
  readonly live: LivePlayer;
  readonly facts: {
    readonly endedAt: string | null;
    /** What was kept of what has ended. */
    readonly recordingId?: string | undefined;
    readonly reconnectUntil: string | null;
    /** The page itself has lost the server. */
    readonly offline: boolean;
  };
}

export function StateOverlay({ live, facts }: StateOverlayProps) {
  const { snapshot, player } = live;
  return (
    <>
      <div className={classes.center} role="status">
        <Message live={live} facts={facts} />
      </div>
      {snapshot.mutedByBrowser && snapshot.state === 'playing' && (
        <button type="button" className={classes.unmute} onClick={() => player?.unmute()}>
          <IconVolumeOff size={24} stroke={1.75} />
          {t('watch.unmute.big')}
        </button>
      )}
      <FallBackNote live={live} />
      {facts.offline && snapshot.state !== 'waiting' && <p className={classes.chip}>{t('watch.offline')}</p>}
    </>
  );
}

/** How long the page says that it fell back. */
const NOTE_MS = 7000;

/** Said once, when what was in real time no longer is, or could not begin so. */
function FallBackNote({ live }: { readonly live: LivePlayer }) {
  const { fallBack, state } = live.snapshot;
  const [told, setTold] = useState<string>();
  const worth = fallBack === 'slow' || fallBack === 'frozen' ? fallBack : undefined;
  useEffect(() => {
    if (!worth) {
      setTold(undefined);
      return;
    }
    const timer = setTimeout(() => setTold(worth), NOTE_MS);
    return () => clearTimeout(timer);
  }, [worth]);
  const shown = worth !== undefined && told !== worth && state === 'playing';
  return (
    <p className={shown ? classes.chip : 'sr-only'} role="status">
      {shown ? t(`watch.fallBack.${worth}`) : ''}
    </p>
  );
}

function Message({ live, facts }: StateOverlayProps) {
  const { snapshot, player } = live;
  switch (snapshot.state) {
    case 'waiting':
      return <Words title={t('watch.waiting')} text={facts.offline ? t('watch.offline') : t('watch.waiting.text')} pulse />;
    case 'starting':
      return <Words title={t('watch.starting')} pulse late />;
    case 'stalled':
      return <p className={`${classes.chip} ${classes.late}`}>{t('watch.stalled')}</p>;
    case 'reconnecting':
      return <Reconnecting until={facts.reconnectUntil} />;
    case 'ended':
      return (
        <Words
          title={facts.endedAt ? t('watch.ended', { time: when(facts.endedAt) }) : t('watch.ended.plain')}
          text={t('watch.ended.text')}
          action={facts.recordingId && <RecordingLink id={facts.recordingId} />}
        />
      );
    case 'blocked':
      return (
        <>
          <button type="button" className={classes.play} aria-label={t('watch.blocked')} onClick={() => void player?.play()}>
            <IconPlayerPlayFilled size={40} />
          </button>
          <p className={classes.text}>{t('watch.blocked.text')}</p>
        </>
      );
    case 'unplayable':
      return <Unplayable live={live} />;
    case 'playing':
    case 'paused':
      return null;
  }
}

function RecordingLink({ id }: { readonly id: string }) {
  return (
    <Link to="/v/$id" params={{ id }} className={classes.recording}>
      <IconPlayerPlayFilled size={18} />
      {t('watch.ended.recording')}
    </Link>
  );
}

/** The last second is still one. */
const ALMOST_A_SECOND_MS = 999;

function Reconnecting({ until }: { readonly until: string | null }) {
  const { clock } = useServices();
  const now = useNow(() => clock.now());
  const leftMs = until === null ? 0 : Date.parse(until) - now;
  return (
    <Words
      title={t('watch.reconnecting')}
      text={leftMs > 0 ? t('watch.reconnecting.for', { duration: elapsed(leftMs + ALMOST_A_SECOND_MS) }) : t('watch.reconnecting.soon')}
      pulse
      silentText
    />
  );
}

function Unplayable({ live }: { readonly live: LivePlayer }) {
  const retry = (
    <Button variant="default" onClick={() => live.player?.retry()}>
      {t('app.retry')}
    </Button>
  );
  switch (live.snapshot.unplayable) {
    case 'denied':
      return <Words title={t('watch.denied')} text={t('watch.denied.text')} />;
    case 'unsupported':
      return <Words title={t('watch.unsupported')} text={t('watch.unsupported.text')} />;
    case 'codec':
    case undefined:
      return <Words title={t('watch.codec')} text={t('watch.codec.text')} action={retry} />;
  }
}

interface WordsProps {
  readonly title: string;
  readonly text?: string;
  readonly pulse?: boolean;
  /** Appears only after 300 ms: a state that passes sooner says nothing. */
  readonly late?: boolean;
  /** Text that counts while the controls are there: read once by screen readers, not at every second. */
  readonly silentText?: boolean;
  readonly action?: ReactNode;
}

function Words({ title, text, pulse, late, silentText, action }: WordsProps) {
  const manner = `${late ? classes.late : ''} ${silentText ? classes.aboveControls : ''}`;
  return (
    <div className={`${classes.words} ${manner}`}>
      {pulse && (
        <svg className={classes.pulse} viewBox="0 0 96 16" aria-hidden="true">
          <path d="M0 8c8-6 16-6 24 0s16 6 24 0 16-6 24 0 16 6 24 0" />
        </svg>
      )}
      <p className={classes.title}>{title}</p>
      {text && (
        <p className={`${classes.text} figures`} aria-hidden={silentText || undefined}>
          {text}
        </p>
      )}
      {action && <div className={classes.action}>{action}</div>}
    </div>
  );
}
