/** `/v/{id}`: a recording, from its beginning or from the second that the link names. */
import { ApiError } from '@millrace/client/api-error';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Notice } from '../parts/notice.tsx';
import { useServices } from '../parts/services.tsx';
import { useTitle } from '../parts/use-title.ts';
import { PlayerPageSkeleton } from '../player/player-page-skeleton.tsx';
import { t } from '../text/text.ts';
import { secondsOf } from './start-second.ts';
import { WatchRecording } from './watch-recording.tsx';

const route = getRouteApi('/v/$id');

/** A recording that is being made is ready seconds after its broadcast ends. */
const REFRESH_MS = 4_000;

export function RecordingPage() {
  const { id } = route.useParams();
  const { token, t: from } = route.useSearch();
  const { client } = useServices();
  const recording = useQuery({
    queryKey: ['recording', id, token],
    queryFn: ({ signal }) => client.calls.viewRecording({ params: { id }, query: { token }, signal }),
    // The addresses of a private one hold a pass: another one would begin the picture anew.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    refetchInterval: ({ state }) => (state.error && !isGone(state.error) ? REFRESH_MS : false),
  });
  useTitle(recording.data?.title);
  if (recording.data) return <WatchRecording key={id} recording={recording.data} startAt={secondsOf(from)} />;
  if (recording.isPending && recording.failureCount < 2) return <PlayerPageSkeleton />;
  const error = recording.error ?? recording.failureReason;
  if (isGone(error)) return <Notice title={t('recording.gone')} text={t('recording.gone.text')} alert />;
  if (error instanceof ApiError && error.code === 'recording_not_ready') return <Notice title={t('recording.notReady')} text={t('recording.notReady.text')} />;
  if (error instanceof ApiError && error.code === 'on_another_server') return <Notice title={t('recording.elsewhere')} text={t('recording.elsewhere.text')} />;
  return <Notice title={t('watch.unreachable')} text={t('watch.unreachable.text')} alert />;
}

function isGone(error: Error | null): boolean {
  return error instanceof ApiError && (error.code === 'recording_not_found' || error.code === 'invalid_request');
}
