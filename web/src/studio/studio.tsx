/** The page of a stream that an encoder sends or that is fetched: how to connect while nothing arrives, then the picture, its health and the way to start and end. */
import type { StreamWithAddresses } from '@millrace/contract/rest/streams';
import { Link } from '@tanstack/react-router';
import { Heading } from '../parts/heading.tsx';
import { StatusBadge } from '../parts/live-dot.tsx';
import { useServices } from '../parts/services.tsx';
import { useNow } from '../parts/use-now.ts';
import { useLiveSocket } from '../player/use-live-socket.ts';
import { SharePanel } from '../share/share-panel.tsx';
import { clockTime, elapsed, when } from '../text/format.ts';
import { t } from '../text/text.ts';
import { Connect } from './connect.tsx';
import { Conversions } from './conversions.tsx';
import { Forward } from './forward/forward.tsx';
import { HealthStrip } from './health-strip.tsx';
import { Preview } from './preview.tsx';
import { RecordingSign } from './recording-sign.tsx';
import { RunControls } from './run-controls.tsx';
import { Sizes } from './sizes.tsx';
import { SourceCard } from './source/source-card.tsx';
import { useSource } from './source/use-source.ts';
import classes from './studio.module.css';
import { Warnings } from './warnings.tsx';

export interface StudioProps {
  readonly addresses: StreamWithAddresses;
  /** Its owner is about to say where from. */
  readonly toBeFetched: boolean;
}

export function Studio({ addresses, toBeFetched }: StudioProps) {
  const { stream, ingest, playback } = addresses;
  const source = useSource(stream.id);
  const isFetched = source.data ? true : toBeFetched;
  /** What runs comes from there, and not from an encoder. */
  const comesFromSource = source.data !== undefined && source.data !== null && source.data.state !== 'off' && source.data.state !== 'occupied';
  const live = useLiveSocket({ streamId: stream.id });
  const status = live.status?.status ?? stream.status;
  const running = status === 'live' || status === 'preview' || status === 'reconnecting';
  const latest = live.measurements.at(-1);
  const startedAt = live.status ? live.status.startedAt : (stream.broadcast?.startedAt ?? null);
  const endedAt = live.status ? live.status.endedAt : (stream.broadcast?.endedAt ?? null);
  const reconnectUntil = live.status?.reconnectUntil ?? null;

  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <div className={classes.name}>
          <Heading title={stream.title}>
            <StatusBadge status={status} />
            {running && <span>{t('viewers.count', { count: live.viewers ?? stream.viewers })}</span>}
            {running && startedAt && <Running since={startedAt} />}
            {running && <RecordingSign recording={live.recording} />}
          </Heading>
        </div>
        {running && <RunControls streamId={stream.id} status={status} records={stream.record} isFetched={comesFromSource} />}
      </header>
      {live.connection === 'closed' && (
        <p className={classes.banner} role="status">
          {t('studio.offline')}
        </p>
      )}
      {status === 'reconnecting' && reconnectUntil && (
        <p className={classes.banner} role="status">
          {t(comesFromSource ? 'source.reconnecting' : 'studio.reconnecting', { time: clockTime(reconnectUntil) })}
        </p>
      )}
      <div className={classes.columns}>
        <div className={classes.stage}>
          {running ? (
            <Preview stream={stream} hls={playback.hls} status={status} live={live} />
          ) : source.data === undefined ? (
            <Unknown failed={source.isError} />
          ) : isFetched ? (
            <SourceCard streamId={stream.id} source={source.data} canBeStopped />
          ) : (
            <Waiting endedAt={status === 'ended' ? endedAt : null} recordingId={live.recordingId} />
          )}
        </div>
        <aside className={classes.side} aria-labelledby="share">
          <h2 id="share">{t('studio.share')}</h2>
          <SharePanel title={stream.title} code={stream.code} link={playback.page} side />
          {stream.visibility === 'private' && <p className={classes.note}>{t('studio.link.private')}</p>}
          <a className={classes.watch} href={playback.page} target="_blank" rel="noreferrer">
            {t('studio.watch')}
          </a>
        </aside>
        <div className={classes.panels}>
          {running && (
            <>
              <HealthStrip measurements={live.measurements} />
              {isFetched && source.data !== undefined && <SourceCard streamId={stream.id} source={source.data} canBeStopped={!comesFromSource} />}
              <Warnings warnings={latest?.warnings} />
              <Conversions bridges={latest?.bridges ?? []} />
              <Sizes stream={stream} ladder={latest?.ladder} />
              {!isFetched && (
                <details className={classes.more}>
                  <summary>{t('studio.connect.details')}</summary>
                  <Connect streamId={stream.id} ingest={ingest} />
                </details>
              )}
            </>
          )}
          {!running && isFetched && source.data === null && (
            <Link to="/live/$id" params={{ id: stream.id }} search={{}} className={classes.watch}>
              {t('source.toEncoder')}
            </Link>
          )}
          {!running && !isFetched && source.data !== undefined && (
            <>
              <section className={classes.card} aria-labelledby="connect">
                <h2 id="connect">{t('studio.connect')}</h2>
                <Connect streamId={stream.id} ingest={ingest} steps />
              </section>
              <Link to="/live/$id" params={{ id: stream.id }} search={{ from: 'device' }} className={classes.watch}>
                {t('studio.fromDevice')}
              </Link>
              <Link to="/live/$id" params={{ id: stream.id }} search={{ from: 'fetch' }} className={classes.watch}>
                {t('source.fromEncoder')}
              </Link>
            </>
          )}
          <Forward streamId={stream.id} />
        </div>
      </div>
    </div>
  );
}

function Running({ since }: { readonly since: string }) {
  const { clock } = useServices();
  const now = useNow(() => clock.now());
  return <span>{t('time.live', { duration: elapsed(now - Date.parse(since)) })}</span>;
}

/** Whether it is fetched is not known yet. */
function Unknown({ failed }: { readonly failed: boolean }) {
  if (!failed) return <div className={classes.boneLarge} role="status" aria-label={t('app.loading')} />;
  return (
    <p className={classes.banner} role="alert">
      {t('source.failed')}
    </p>
  );
}

function Waiting({ endedAt, recordingId }: { readonly endedAt: string | null; readonly recordingId: string | undefined }) {
  return (
    <section className={classes.waiting} role="status">
      <span className={classes.beacon} aria-hidden="true">
        <span />
      </span>
      <div>
        <h2>{endedAt ? t('studio.ended.title', { time: when(endedAt) }) : t('studio.wait.title')}</h2>
        <p>{endedAt ? t('studio.ended.text') : t('studio.wait.text')}</p>
        {endedAt && recordingId && (
          <Link to="/v/$id" params={{ id: recordingId }} className={classes.watch}>
            {t('watch.ended.recording')}
          </Link>
        )}
      </div>
    </section>
  );
}
