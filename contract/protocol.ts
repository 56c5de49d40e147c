/** Versions and paths that both sides agree on. */

/** Sent as WebSocket subprotocol; a breaking change of commands or events gets a new number. */
export const STREAM_SOCKET_PROTOCOL = 'millrace.stream.v1';
export const RECORDING_SOCKET_PROTOCOL = 'millrace.recordings.v1';

export const API_PREFIX = '/api/v1';

/** Close codes of sockets that are not errors (errors close with 4000 + HTTP status). */
export const CLOSE_SERVER_STOPPING = 1012;
export const CLOSE_STREAM_DELETED = 4410;

/** The bearer of a session in browsers. */
export const SESSION_COOKIE = 'millrace_session';

/** Of all recordings of whoever opens it. */
export const RECORDING_SOCKET_PATH = '/ws/recordings';

export function streamSocketPath(id: string): string {
  return `/ws/streams/${id}`;
}
