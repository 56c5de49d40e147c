/** What viewers see, without sound, on the owner's page. */
import type { Stream } from '@millrace/contract/entities/stream';
import { PlayerView } from '../player/player-view.tsx';
import type { LiveFacts } from '../player/use-live-socket.ts';
import { usePlayer } from '../player/use-player.ts';
import { t } from '../text/text.ts';
import classes from './preview.module.css';

export interface PreviewProps {
  readonly stream: Stream;
  readonly hls: string;
  readonly status: Stream['status'];
  readonly live: LiveFacts;
}

export function Preview({ stream, hls, status, live }: PreviewProps) {
  const player = usePlayer({ hls, broadcast: { status, epoch: live.status?.epoch ?? null }, preview: true });
  return (
    <section aria-label={t('studio.preview')}>
      <div className={classes.frame}>
        <PlayerView
          live={player}
          seed={stream.id}
          title={stream.title}
          muted
          facts={{ endedAt: null, reconnectUntil: live.status?.reconnectUntil ?? null, offline: live.connection === 'closed' }}
        />
      </div>
      {status === 'preview' && <p className={classes.note}>{t('studio.preview.text')}</p>}
    </section>
  );
}
