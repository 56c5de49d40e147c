/** What is public and live, most watched first; or, when nothing is, the two ways to begin. */

import type { PublicStream } from '@millrace/contract/entities/stream';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CardSkeletons } from '../parts/card-skeletons.tsx';
import { StatusBadge } from '../parts/live-dot.tsx';
import { currentPicture } from '../parts/picture-address.ts';
import { Poster } from '../parts/poster.tsx';
import { useServices } from '../parts/services.tsx';
import { useNow } from '../parts/use-now.ts';
import { elapsed } from '../text/format.ts';
import { t } from '../text/text.ts';
import classes from './live-now.module.css';

/** How often the list asks again while the page is open. */
const REFRESH_MS = 10_000;

export function LiveNow() {
  const { client } = useServices();
  const live = useQuery({
    queryKey: ['live'],
    queryFn: ({ signal }) => client.calls.listLive({ query: { limit: 24 }, signal }),
    refetchInterval: REFRESH_MS,
    // A list that failed is asked again by itself for as long as the page is open.
    refetchOnMount: 'always',
  });
  if (live.isPending) return <CardSkeletons className={classes.grid} />;
  if (!live.data) {
    return (
      <p role="status" className={classes.error}>
        {t('home.live.error')}
      </p>
    );
  }
  if (live.data.items.length === 0) return <Empty />;
  return (
    <section aria-labelledby="live-now">
      <h2 id="live-now" className={classes.heading}>
        {t('home.live')}
      </h2>
      <ul className={classes.grid}>
        {live.data.items.map((stream) => (
          <li key={stream.id}>
            <Card stream={stream} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Card({ stream }: { readonly stream: PublicStream }) {
  const { clock } = useServices();
  const now = useNow(() => clock.now());
  const viewers = t('viewers.count', { count: stream.viewers });
  return (
    <Link to="/w/$code" params={{ code: stream.code }} className={classes.card}>
      <div className={classes.picture}>
        <Poster seed={stream.id} title={stream.title} picture={stream.hasPoster ? currentPicture(stream.playback.poster, now) : undefined} />
        <span className={`${classes.badge} on-picture`}>
          <StatusBadge status={stream.status} />
        </span>
      </div>
      <p className={`${classes.facts} figures`}>
        <span>{viewers}</span>
        {stream.startedAt && <span>{elapsed(now - Date.parse(stream.startedAt))}</span>}
      </p>
    </Link>
  );
}

function Empty() {
  return (
    <section className={classes.empty} aria-labelledby="nothing-live">
      <h2 id="nothing-live" className={classes.heading}>
        {t('home.empty.title')} <span className={classes.headingLead}>{t('home.empty.lead')}</span>
      </h2>
      <div className={classes.ways}>
        <div className={classes.way}>
          <h3>{t('home.empty.watch')}</h3>
          <p>{t('home.empty.watch.text')}</p>
        </div>
        <div className={classes.way}>
          <h3>{t('home.empty.live')}</h3>
          <p>{t('home.empty.live.text')}</p>
        </div>
      </div>
    </section>
  );
}
