/** The streams of this device, newest first: the way back to one. */
import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { StatusBadge } from '../parts/live-dot.tsx';
import { useServices } from '../parts/services.tsx';
import { spacedCode, when } from '../text/format.ts';
import { t } from '../text/text.ts';
import { wasOnAir } from './device/on-air.ts';
import classes from './own-streams.module.css';

const PAGE_SIZE = 5;

export function OwnStreams() {
  const { client, guest } = useServices();
  const known = guest.token !== undefined;
  const streams = useInfiniteQuery({
    queryKey: ['own-streams'],
    // Who never made a stream has none, and need not become a guest to learn it.
    enabled: known,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => client.calls.listStreams({ query: { limit: PAGE_SIZE, ...(pageParam ? { cursor: pageParam } : {}) }, signal }),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    staleTime: 0,
  });
  const items = streams.data?.pages.flatMap((page) => page.items) ?? [];
  if (items.length === 0) return null;
  return (
    <section aria-labelledby="own-streams">
      <h2 id="own-streams" className={classes.heading}>
        {t('choose.own')}
      </h2>
      <p className={classes.lead}>{t('choose.own.text')}</p>
      <ul className={classes.list}>
        {items.map((stream) => (
          <li key={stream.id}>
            <Link to="/live/$id" params={{ id: stream.id }} search={wasOnAir(stream.id) ? { from: 'device' } : {}} className={classes.item}>
              <span className={classes.words}>
                <span className={classes.title}>{stream.title}</span>
                <span className={`${classes.facts} figures`}>
                  <span className="mono">{spacedCode(stream.code)}</span>
                  <span>{when(stream.broadcast?.createdAt ?? stream.createdAt)}</span>
                </span>
              </span>
              {stream.status !== 'idle' && stream.status !== 'ended' && <StatusBadge status={stream.status} />}
            </Link>
          </li>
        ))}
      </ul>
      {streams.hasNextPage && (
        <Button variant="default" onClick={() => void streams.fetchNextPage()} loading={streams.isFetchingNextPage}>
          {t('choose.own.more')}
        </Button>
      )}
    </section>
  );
}
