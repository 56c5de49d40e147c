/** The recordings of this device's owner, page by page, and what can be done with one. */
import type { Recording, RecordingSettings } from '@millrace/contract/entities/recording';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useServices } from '../parts/services.tsx';
import { refreshAfter } from './refresh-after.ts';
import { RECORDINGS, useRecordingSocket } from './use-recording-socket.ts';

const PAGE_SIZE = 24;

export function useRecordings(text: string) {
  const { client, guest } = useServices();
  const isKnown = guest.token !== undefined;
  const goneSince = useRecordingSocket(isKnown);
  const query = useInfiniteQuery({
    queryKey: [RECORDINGS, text],
    // Who never made a stream has no recordings, and need not become a guest to learn it.
    enabled: isKnown,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      client.calls.listRecordings({ query: { limit: PAGE_SIZE, ...(text ? { text } : {}), ...(pageParam ? { cursor: pageParam } : {}) }, signal }),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    staleTime: 0,
    placeholderData: (before) => before,
    refetchInterval: ({ state }) =>
      refreshAfter({
        items: state.data?.pages.flatMap(({ items }) => items) ?? [],
        hasFailed: state.error !== null,
        withoutSocketMs: goneSince === undefined ? undefined : Date.now() - goneSince,
      }),
  });
  return { query, isPending: isKnown && query.isPending, items: query.data?.pages.flatMap(({ items }) => items) ?? [] };
}

/** Changes and deletions; the list is read again after each. */
export function useRecordingChanges({ id }: Recording) {
  const { client } = useServices();
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries({ queryKey: [RECORDINGS] });
  const change = useMutation({ mutationFn: (changes: Partial<RecordingSettings>) => client.calls.updateRecording({ params: { id }, body: changes }), onSuccess: refresh });
  const remove = useMutation({ mutationFn: () => client.calls.deleteRecording({ params: { id } }), onSuccess: refresh });
  return { change, remove };
}
