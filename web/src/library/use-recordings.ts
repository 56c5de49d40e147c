/** The recordings of this device's owner, page by page, and what can be done with one. */
import type { Recording, RecordingSettings } from '@millrace/contract/entities/recording';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useServices } from '../app/services.tsx';

const PAGE_SIZE = 24;

/** A recording that is being made is ready seconds after its broadcast ends; one that failed to load is asked for again. */
const REFRESH_MS = 4_000;

/** Uploads that wait for their turn, or for the storage, need not be seen at once. */
const WAITING_REFRESH_MS = 15_000;

const KEY = 'recordings';

export function useRecordings(text: string) {
  const { client, guest } = useServices();
  const isKnown = guest.token !== undefined;
  const query = useInfiniteQuery({
    queryKey: [KEY, text],
    // Who never made a stream has no recordings, and need not become a guest to learn it.
    enabled: isKnown,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      client.calls.listRecordings({ query: { limit: PAGE_SIZE, ...(text ? { text } : {}), ...(pageParam ? { cursor: pageParam } : {}) }, signal }),
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    staleTime: 0,
    placeholderData: (before) => before,
    refetchInterval: ({ state }) => (state.error ? REFRESH_MS : refreshAfter(state.data?.pages.flatMap(({ items }) => items) ?? [])),
  });
  return { query, isPending: isKnown && query.isPending, items: query.data?.pages.flatMap(({ items }) => items) ?? [] };
}

function refreshAfter(items: readonly Recording[]): number | false {
  const uploads = items.map(({ storage }) => storage.upload?.state);
  if (items.some(({ state }) => state === 'recording') || uploads.includes('uploading')) return REFRESH_MS;
  return uploads.includes('waiting') || uploads.includes('failing') ? WAITING_REFRESH_MS : false;
}

/** Changes and deletions; the list is read again after each. */
export function useRecordingChanges({ id }: Recording) {
  const { client } = useServices();
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries({ queryKey: [KEY] });
  const change = useMutation({ mutationFn: (changes: Partial<RecordingSettings>) => client.calls.updateRecording({ params: { id }, body: changes }), onSuccess: refresh });
  const remove = useMutation({ mutationFn: () => client.calls.deleteRecording({ params: { id } }), onSuccess: refresh });
  return { change, remove };
}
