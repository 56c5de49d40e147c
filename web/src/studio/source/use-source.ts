/** Where a stream is fetched from and how that goes, and what its owner does about it. */
import type { Source, SourceSettings } from '@millrace/contract/entities/source';
import { type UseMutationResult, type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useServices } from '../../parts/services.tsx';

/** What the owner sees is never older than this and an answer. */
const REFRESH_MS = 1_500;

/** Null: the stream waits for publishers. */
export function useSource(streamId: string): UseQueryResult<Source | null> {
  const { client } = useServices();
  return useQuery({
    queryKey: ['source', streamId],
    queryFn: async ({ signal }) => (await client.calls.getSource({ params: { id: streamId }, signal })).source,
    // Without a source there is nothing that changes by itself.
    refetchInterval: ({ state }) => ((state.data && state.data.state !== 'off') || state.error ? REFRESH_MS : false),
  });
}

/** Changes what is given; what is waited for is tried at once. */
export function useSetSource(streamId: string): UseMutationResult<Source, Error, Partial<SourceSettings>> {
  const { client } = useServices();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (settings: Partial<SourceSettings>) => (await client.calls.setSource({ params: { id: streamId }, body: settings })).source,
    onSuccess: (source) => queries.setQueryData(['source', streamId], source),
  });
}
