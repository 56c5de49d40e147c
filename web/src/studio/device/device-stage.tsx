/** The picture of this device, full-bleed on phones, with who watches above it and the controls below. */
import type { CaptureSnapshot } from '@millrace/client/capture/capture';
import type { PublisherSnapshot } from '@millrace/client/publish/publisher';
import type { Stream } from '@millrace/contract/entities/stream';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import IconX from '~icons/x';
import { StatusBadge } from '../../parts/live-dot.tsx';
import { useServices } from '../../parts/services.tsx';
import { useNow } from '../../parts/use-now.ts';
import type { LiveFacts } from '../../player/use-live-socket.ts';
import { elapsed, spacedCode } from '../../text/format.ts';
import { t } from '../../text/text.ts';
import { RecordingSign } from '../recording-sign.tsx';
import { CaptureTrouble } from './capture-trouble.tsx';
import { ConnectionWord } from './connection-word.tsx';
import classes from './device-stage.module.css';

export interface DeviceStageProps {
  readonly stream: Stream;
  readonly snapshot: CaptureSnapshot | undefined;
  readonly broadcast: PublisherSnapshot | undefined;
  readonly live: LiveFacts;
  readonly message: string | undefined;
  readonly retry: () => void;
  /** The controls. */
  readonly children: ReactNode;
}

export function DeviceStage({ stream, snapshot, broadcast, live, message, retry, children }: DeviceStageProps) {
  const state = broadcast?.state;
  const onAir = state === 'connecting' || state === 'live' || state === 'reconnecting';
  const startedAt = live.status?.startedAt ?? null;
  return (
    <section className={`${classes.stage} on-picture`} aria-label={t('device.stage')} data-state={state ?? 'setup'}>
      <Picture snapshot={snapshot} />
      {snapshot?.problem && !snapshot.stream && <CaptureTrouble problem={snapshot.problem} retry={retry} />}
      <header className={classes.top}>
        {!onAir && (
          <Link to="/live" className={classes.leave} aria-label={t('studio.back')}>
            <IconX size={22} stroke={1.75} />
          </Link>
        )}
        <p className={`${classes.facts} figures`}>
          {onAir && <StatusBadge status={state === 'live' ? (live.status?.status ?? 'live') : state === 'reconnecting' ? 'reconnecting' : 'idle'} />}
          <span className="mono">{spacedCode(stream.code)}</span>
          {onAir && <span>{t('viewers.count', { count: live.viewers ?? 0 })}</span>}
          {onAir && startedAt && <Elapsed since={startedAt} />}
          {onAir && <RecordingSign recording={live.recording} />}
        </p>
        {onAir && broadcast && <ConnectionWord snapshot={broadcast} />}
      </header>
      <p className={message ? classes.message : 'sr-only'} role="status">
        {message ?? ''}
      </p>
      <footer className={classes.bottom}>{children}</footer>
    </section>
  );
}

function Picture({ snapshot }: { readonly snapshot: CaptureSnapshot | undefined }) {
  const video = useRef<HTMLVideoElement>(null);
  const media = snapshot?.stream;
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    element.srcObject = media ?? null;
    // Phones want to be asked; the attribute alone does not begin there.
    if (media) void element.play().catch(() => undefined);
  }, [media]);
  const mirrored = snapshot?.source === 'camera' && snapshot.facing === 'user';
  return (
    <video
      ref={video}
      className={classes.picture}
      muted
      playsInline
      aria-label={t('device.picture')}
      data-mirrored={mirrored || undefined}
      data-off={snapshot?.pictureOff || undefined}
      data-screen={snapshot?.source === 'screen' || undefined}
    />
  );
}

function Elapsed({ since }: { readonly since: string }) {
  const { clock } = useServices();
  const now = useNow(() => clock.now());
  return <span>{elapsed(now - Date.parse(since))}</span>;
}
