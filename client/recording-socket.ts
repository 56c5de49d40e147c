/** `/ws/recordings` from the client's side: what becomes of the owner's recordings. Read the list whenever it is open anew; it tells of what comes after. */
import { RecordingSocketEvent } from '@millrace/contract/events/recording-socket';
import { RECORDING_SOCKET_PATH, RECORDING_SOCKET_PROTOCOL } from '@millrace/contract/protocol';
import { EventSocket, type EventSocketListener, type SocketEnvironment } from './event-socket.ts';

export interface RecordingSocketDeps extends SocketEnvironment {
  readonly listener: EventSocketListener<RecordingSocketEvent>;
}

/** Not started yet. */
export function recordingSocket(deps: RecordingSocketDeps): EventSocket<RecordingSocketEvent> {
  return new EventSocket({ ...deps, path: RECORDING_SOCKET_PATH, protocol: RECORDING_SOCKET_PROTOCOL, event: RecordingSocketEvent });
}
