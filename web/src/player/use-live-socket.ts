/** What the stream socket says, as state of a page: status, viewers and, to the owner, measurements. */
import type { ConnectionState } from '@millrace/client/event-socket';
import { StreamSocket } from '@millrace/client/stream-socket';
import type { Measurement } from '@millrace/contract/entities/measurement';
import type { StreamSocketEvent } from '@millrace/contract/events/stream-socket';
import { type RefObject, useEffect, useRef, useState } from 'react';
import { useServices } from '../parts/services.tsx';

/** Two minutes of a measurement a second. */
const KEPT_MEASUREMENTS = 120;

export type StatusEvent = Extract<StreamSocketEvent, { type: 'STREAM_STATUS_CHANGED' }>;

export type RecordingEvent = Extract<StreamSocketEvent, { type: 'RECORDING_CHANGED' }>;

export interface LiveFacts {
  readonly status: StatusEvent | undefined;
  readonly viewers: number | undefined;
  readonly measurements: readonly Measurement[];
  /** What is recorded of the running broadcast, to its owner; undefined while nothing is. */
  readonly recording: RecordingEvent | undefined;
  /** The recording of the broadcast that has ended, once it can be watched. */
  readonly recordingId: string | undefined;
  readonly connection: ConnectionState;
}

const NOTHING: LiveFacts = { status: undefined, viewers: undefined, measurements: [], recording: undefined, recordingId: undefined, connection: 'connecting' };

export interface LiveSocketOptions {
  readonly streamId: string | undefined;
  readonly token?: string | undefined;
  readonly vitals?: RefObject<{ latencyMs?: number; stalls?: number }>;
}

/** The socket lives as long as the page shows this stream. */
export function useLiveSocket({ streamId, token, vitals }: LiveSocketOptions): LiveFacts & { readonly socket: RefObject<StreamSocket | undefined> } {
  const { clock, guest } = useServices();
  const [facts, setFacts] = useState(NOTHING);
  const socket = useRef<StreamSocket>(undefined);
  useEffect(() => {
    if (!streamId) return;
    setFacts(NOTHING);
    const made = new StreamSocket({
      origin: location.origin,
      streamId,
      token,
      bearer: guest.token,
      WebSocket,
      clock,
      random: Math.random,
      network: globalThis,
      vitals: () => vitals?.current ?? {},
      listener: {
        event: (event) => setFacts((before) => after(before, event)),
        connection: (connection) => setFacts((before) => ({ ...before, connection })),
      },
    });
    socket.current = made;
    made.start();
    return () => {
      socket.current = undefined;
      made.close();
    };
  }, [streamId, token, clock, guest, vitals]);
  return { ...facts, socket };
}

function after(before: LiveFacts, event: StreamSocketEvent): LiveFacts {
  switch (event.type) {
    case 'STREAM_STATUS_CHANGED':
      // A new broadcast is measured, and recorded, from its own beginning.
      return before.status?.broadcastId === event.broadcastId
        ? { ...before, status: event }
        : { ...before, status: event, measurements: [], recording: undefined, recordingId: undefined };
    case 'VIEWERS_COUNTED':
      return { ...before, viewers: event.viewers };
    case 'MEASURED':
      return { ...before, measurements: [...before.measurements, event.measurement].slice(-KEPT_MEASUREMENTS) };
    case 'RECORDING_CHANGED':
      return before.status?.broadcastId === event.broadcastId && isNews(before.recording, event) ? { ...before, recording: event } : before;
    case 'RECORDING_READY':
      return before.status?.broadcastId === event.broadcastId ? { ...before, recordingId: event.recordingId } : before;
    case 'COMMAND_REFUSED':
      return before;
  }
}

/** After a restart a broadcast has two recordings: what became of the earlier one is no news of the one that is being made. */
function isNews(known: RecordingEvent | undefined, event: RecordingEvent): boolean {
  return known?.state !== 'recording' || known.recordingId === event.recordingId || event.state === 'recording';
}
