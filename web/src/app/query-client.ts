/** How pages ask: an answer of the server is final, an unreachable server is asked again. */
import { ApiError } from '@millrace/client/api-error';
import { QueryClient } from '@tanstack/react-query';

const MAX_RETRY_DELAY_MS = 5000;

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: (failures, error) => (error instanceof ApiError ? error.code === 'overloaded' || error.code === 'internal' : true) && failures < 4,
        retryDelay: (attempt) => Math.min(300 * 2 ** attempt, MAX_RETRY_DELAY_MS),
        staleTime: 5000,
        // The browser's own word on being online is often wrong on local networks.
        networkMode: 'always',
      },
      mutations: { networkMode: 'always' },
    },
  });
}
