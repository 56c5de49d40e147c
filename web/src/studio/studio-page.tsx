/** `/live/{id}`: finds the owner's stream, or says why it cannot be shown. */
import { Button } from '@mantine/core';
import { ApiError } from '@millrace/client/api-error';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { Notice } from '../parts/notice.tsx';
import { useServices } from '../parts/services.tsx';
import { useTitle } from '../parts/use-title.ts';
import { t } from '../text/text.ts';
import classes from './studio.module.css';
import { Studio } from './studio.tsx';

// Who sends from an encoder does not load what cameras need.
const DeviceStudio = lazy(() => import('./device/device-studio.tsx').then(({ DeviceStudio }) => ({ default: DeviceStudio })));

const route = getRouteApi('/live/$id');

/** Links of private streams carry a pass of some hours; asking again this often keeps the shown one fresh. */
const REFRESH_MS = 30 * 60_000;

export function StudioPage() {
  const { id } = route.useParams();
  const { from } = route.useSearch();
  const { client } = useServices();
  const stream = useQuery({
    queryKey: ['stream', id],
    queryFn: ({ signal }) => client.calls.getStream({ params: { id }, signal }),
    staleTime: REFRESH_MS,
    refetchInterval: ({ state }) => (state.error && !(state.error instanceof ApiError) ? 3000 : REFRESH_MS),
  });
  useTitle(stream.data?.stream.title);
  if (stream.data && from === 'device') {
    return (
      <Suspense fallback={null}>
        <DeviceStudio key={id} addresses={stream.data} />
      </Suspense>
    );
  }
  if (stream.data) return <Studio key={id} addresses={stream.data} toBeFetched={from === 'fetch'} />;
  if (stream.isPending && stream.failureCount < 2) {
    return (
      <div className={classes.page} role="status" aria-label={t('app.loading')}>
        <div className={classes.bone} />
        <div className={classes.boneLarge} />
      </div>
    );
  }
  if (stream.error instanceof ApiError) {
    return (
      <Notice title={t('studio.notFound')} text={t('studio.notFound.text')} alert>
        <Button component={Link} to="/live">
          {t('studio.back')}
        </Button>
      </Notice>
    );
  }
  return <Notice title={t('watch.unreachable')} text={t('watch.unreachable.text')} alert />;
}
