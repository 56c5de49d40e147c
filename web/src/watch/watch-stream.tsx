/** The page of one stream: the picture, its name, who else watches, and a way to share it. */
import type { PublicStream } from '@millrace/contract/entities/stream';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import IconShare from '~icons/share-2';
import { deviceKind } from '../parts/device.ts';
import { Heading } from '../parts/heading.tsx';
import { StatusBadge } from '../parts/live-dot.tsx';
import { currentPicture } from '../parts/picture-address.ts';
import { useServices } from '../parts/services.tsx';
import { useNow } from '../parts/use-now.ts';
import { lastLatency } from '../player/last-latency.ts';
import classes from '../player/player-page.module.css';
import { PlayerView } from '../player/player-view.tsx';
import { useLiveSocket } from '../player/use-live-socket.ts';
import { usePlayer } from '../player/use-player.ts';
import { elapsed } from '../text/format.ts';
import { t } from '../text/text.ts';

const ShareDialog = lazy(() => import('../share/share-dialog.tsx').then(({ ShareDialog }) => ({ default: ShareDialog })));

export interface WatchStreamProps {
  readonly stream: PublicStream;
  readonly token: string | undefined;
  /** The server no longer tells this page of the stream, though it has not ended. */
  readonly refused: () => void;
}

export function WatchStream({ stream, token, refused }: WatchStreamProps) {
  const vitals = useRef<{ latencyMs?: number; stalls?: number }>({});
  const live = useLiveSocket({ streamId: stream.id, token, vitals });
  const status = live.status?.status ?? stream.status;
  const player = usePlayer({ hls: stream.playback.hls, whep: stream.playback.whep, latency: lastLatency(), broadcast: { status, epoch: live.status?.epoch ?? null } });
  const { snapshot } = player;
  const [sharing, setSharing] = useState(false);
  const theatre = useTheatre();
  useCountMe({ live, player, vitals });
  const isRefused = live.connection === 'refused' && status !== 'ended';
  useEffect(() => {
    if (isRefused) refused();
  }, [isRefused, refused]);

  const endedAt = live.status ? live.status.endedAt : stream.endedAt;
  const startedAt = live.status ? live.status.startedAt : stream.startedAt;
  // It was there when the page asked, and is of the broadcast that ran then.
  const hasPoster = stream.hasPoster && startedAt === stream.startedAt;
  const viewers = live.viewers ?? stream.viewers;
  const running = status === 'live' || status === 'reconnecting';

  return (
    <div className={classes.page}>
      <div className={classes.stage}>
        <div className={classes.frame}>
          <PlayerView
            live={player}
            seed={stream.id}
            title={stream.title}
            poster={running && startedAt && hasPoster ? currentPicture(stream.playback.poster, Date.parse(startedAt)) : undefined}
            {...(running && stream.rewindSeconds !== 0
              ? { time: { type: 'live' as const, storyboard: stream.playback.storyboard, startedAt, rewindSeconds: stream.rewindSeconds } }
              : {})}
            theatre={theatre}
            shortcuts
            facts={{ endedAt, recordingId: live.recordingId, reconnectUntil: live.status?.reconnectUntil ?? null, offline: live.connection === 'closed' }}
            heading={<p className={classes.overTitle}>{stream.title}</p>}
          />
        </div>
      </div>
      <div className={classes.below}>
        <div className={classes.words}>
          <Heading title={stream.title}>
            <StatusBadge status={snapshot.state === 'waiting' ? 'idle' : status} />
            {running && <span>{t('viewers.count', { count: viewers })}</span>}
            {running && startedAt && <Running since={startedAt} />}
          </Heading>
          {stream.description && <p className={classes.description}>{stream.description}</p>}
        </div>
        <button type="button" className={classes.share} onClick={() => setSharing(true)}>
          <IconShare size={20} stroke={1.75} />
          {t('share.action')}
        </button>
      </div>
      {sharing && (
        <Suspense fallback={null}>
          <ShareDialog title={stream.title} code={stream.code} link={stream.playback.page} close={() => setSharing(false)} />
        </Suspense>
      )}
    </div>
  );
}

function Running({ since }: { readonly since: string }) {
  const { clock } = useServices();
  const now = useNow(() => clock.now());
  return <span>{elapsed(now - Date.parse(since))}</span>;
}

/** Counted as a viewer from the first picture until the end of the broadcast; the heartbeat tells what was seen. */
function useCountMe({
  live,
  player,
  vitals,
}: {
  live: ReturnType<typeof useLiveSocket>;
  player: ReturnType<typeof usePlayer>;
  vitals: React.RefObject<{ latencyMs?: number; stalls?: number }>;
}): void {
  const { guest } = useServices();
  const { state, latencyMs, stalls, protocol } = player.snapshot;
  const { socket } = live;
  useEffect(() => {
    vitals.current = latencyMs === undefined ? { stalls } : { latencyMs, stalls };
  }, [latencyMs, stalls, vitals]);
  const sees = state === 'playing';
  const over = state === 'ended' || state === 'waiting' || state === 'unplayable';
  useEffect(() => {
    if (sees && protocol) socket.current?.watch({ visitorId: guest.deviceId, protocol, device: deviceKind() });
    else if (over) socket.current?.leave();
  }, [sees, over, protocol, socket, guest]);
}

/** Theatre: the picture takes the whole window; the bar and the words make room. */
function useTheatre() {
  const [on, setOn] = useState(false);
  useEffect(() => {
    if (!on) return;
    document.body.dataset['theatre'] = '';
    return () => {
      delete document.body.dataset['theatre'];
    };
  }, [on]);
  return { on, toggle: () => setOn((before) => !before) };
}
