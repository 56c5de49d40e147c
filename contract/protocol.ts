/** Versions and paths that both sides agree on. */

/** Sent as WebSocket subprotocol; a breaking change of commands or events gets a new number. */
export const STREAM_SOCKET_PROTOCOL = 'millrace.stream.v1';

export const API_PREFIX = '/api/v1';

/** Close codes of sockets that are not errors (errors close with 4000 + HTTP status). */
export const CLOSE_SERVER_STOPPING = 1012;
/** Who may watch has changed: connect again, to be asked anew. */
export const CLOSE_PERMISSION_CHANGED = 1013;
export const CLOSE_STREAM_DELETED = 4410;

/** The bearer of a session in browsers. */
export const SESSION_COOKIE = 'millrace_session';

export function streamSocketPath(id: string): string {
  return `/ws/streams/${id}`;
}
