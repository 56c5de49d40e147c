/** The socket of this owner's recordings, while the page is seen: what it tells goes into the lists that were read. */
import { recordingSocket } from '@millrace/client/recording-socket';
import type { Recording } from '@millrace/contract/entities/recording';
import type { RecordingSocketEvent } from '@millrace/contract/events/recording-socket';
import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useServices } from '../parts/services.tsx';

/** The first part of the keys of all lists of recordings. */
export const RECORDINGS = 'recordings';

interface Page {
  readonly items: readonly Recording[];
  readonly nextCursor: string | null;
}

/** Since when the socket has not stood, on the page's clock; undefined while it does. A page that nobody sees has none. */
export function useRecordingSocket(isWanted: boolean): number | undefined {
  const { guest } = useServices();
  const queries = useQueryClient();
  const [goneSince, setGoneSince] = useState<number | undefined>(Date.now);
  useEffect(() => {
    if (!isWanted) return;
    let socket: ReturnType<typeof recordingSocket> | undefined;
    const isGone = () => setGoneSince((before) => before ?? Date.now());
    const follow = () => {
      socket?.close();
      socket = undefined;
      isGone();
      if (document.visibilityState === 'hidden') return;
      socket = recordingSocket({
        origin: location.origin,
        bearer: guest.token,
        WebSocket,
        random: Math.random,
        network: globalThis,
        listener: {
          event: (event) => take(queries, event),
          connection: (state) => {
            if (state !== 'open') {
              isGone();
              return;
            }
            setGoneSince(undefined);
            // It tells of what comes from now on.
            void queries.invalidateQueries({ queryKey: [RECORDINGS] });
          },
        },
      });
      socket.start();
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      socket?.close();
    };
  }, [isWanted, guest, queries]);
  return goneSince;
}

function take(queries: QueryClient, event: RecordingSocketEvent): void {
  switch (event.type) {
    case 'RECORDING_CHANGED':
    case 'RECORDING_DELETED':
      void queries.invalidateQueries({ queryKey: [RECORDINGS] });
      return;
    case 'RECORDING_PROGRESSED': {
      const { recordingId, storage, task } = event;
      const progressed = (item: Recording): Recording => (item.id === recordingId ? { ...item, storage, task } : item);
      queries.setQueriesData<InfiniteData<Page>>(
        { queryKey: [RECORDINGS] },
        (list) => list && { ...list, pages: list.pages.map((page) => ({ ...page, items: page.items.map(progressed) })) },
      );
      return;
    }
    case 'COMMAND_REFUSED':
      return;
  }
}
