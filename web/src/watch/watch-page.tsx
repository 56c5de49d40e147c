/** `/w/{code}`: finds the stream behind the code and shows it, or says in a sentence why not. */
import { ApiError } from '@millrace/client/api-error';
import { CODE_LENGTH, normaliseCode } from '@millrace/contract/ids';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { CodeField } from '../parts/code-field.tsx';
import { Notice } from '../parts/notice.tsx';
import { useServices } from '../parts/services.tsx';
import { useNow } from '../parts/use-now.ts';
import { useTitle } from '../parts/use-title.ts';
import { PlayerPageSkeleton } from '../player/player-page-skeleton.tsx';
import { spacedCode } from '../text/format.ts';
import { t } from '../text/text.ts';
import { WatchStream } from './watch-stream.tsx';

// Who opens this page is about to need the player: it loads while the code is looked up.
if ('MediaSource' in globalThis) void import('hls.js').catch(() => undefined);

const route = getRouteApi('/w/$code');

/** Waits when the server gives none. */
const DEFAULT_RETRY_AFTER_SECONDS = 15;

/** How often a page looks whether a stream that is live on another server has come to this one, or is over. */
const ELSEWHERE_RETRY_MS = 10_000;

export function WatchPage() {
  const { code } = route.useParams();
  const { token } = route.useSearch();
  const { client } = useServices();
  const stream = useQuery({
    queryKey: ['code', normaliseCode(code), token],
    queryFn: ({ signal }) => client.calls.getCode({ params: { code }, query: { token }, signal }),
    // The socket tells what changes.
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    refetchInterval: ({ state }) => (state.data?.elsewhere && !state.error ? ELSEWHERE_RETRY_MS : nextTry(state.error)),
  });
  useTitle(stream.data?.title);
  if (stream.data?.elsewhere && !stream.isError) return <Notice title={t('watch.elsewhere')} text={t('watch.elsewhere.text')} />;
  // What was found may be gone since, or be for others: then the error says so.
  if (stream.data && !stream.isError) return <WatchStream key={stream.data.id} stream={stream.data} token={token} refused={stream.refetch} />;
  if (stream.isPending && stream.failureCount < 2) return <PlayerPageSkeleton />;
  return <Failure error={stream.error ?? stream.failureReason} token={token} code={code} failedAt={stream.errorUpdatedAt} />;
}

/** How long until a page that failed asks again by itself; false when asking again is of no use. */
function nextTry(error: Error | null): number | false {
  if (error === null) return false;
  if (!(error instanceof ApiError)) return 3000;
  return error.code === 'too_many_requests' ? (error.retryAfter ?? DEFAULT_RETRY_AFTER_SECONDS) * 1000 : false;
}

interface FailureProps {
  readonly error: Error | null;
  readonly token: string | undefined;
  readonly code: string;
  readonly failedAt: number;
}

function Failure({ error, token, code, failedAt }: FailureProps) {
  if (error instanceof ApiError) {
    if (error.code === 'too_many_requests') return <TooMany until={failedAt + (error.retryAfter ?? DEFAULT_RETRY_AFTER_SECONDS) * 1000} />;
    if (token !== undefined && (error.code === 'code_not_found' || error.code === 'playback_not_allowed')) {
      return <Notice title={t('watch.denied')} text={t('watch.denied.text')} alert />;
    }
    if (error.code === 'code_not_found' || error.code === 'invalid_request') {
      const asked = normaliseCode(code);
      return (
        <Notice title={t('watch.wrongCode')} text={asked.length === CODE_LENGTH ? t('watch.wrongCode.asked', { code: spacedCode(asked) }) : t('watch.wrongCode.text')} alert>
          <CodeField key={code} />
        </Notice>
      );
    }
    return <Notice title={error.title} text={error.detail ?? t('broken.text')} alert />;
  }
  return <Notice title={t('watch.unreachable')} text={t('watch.unreachable.text')} alert />;
}

function TooMany({ until }: { readonly until: number }) {
  const now = useNow(Date.now);
  return <Notice title={t('watch.tooMany')} text={t('watch.tooMany.text', { count: Math.max(0, Math.ceil((until - now) / 1000)) })} alert />;
}
