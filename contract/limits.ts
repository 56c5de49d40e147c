/** Bounds that both sides know, each with its reason. */

/** A title that fits a phone's share sheet and a browser tab. */
export const MAX_TITLE_LENGTH = 120;

/** About a page of text. */
export const MAX_DESCRIPTION_LENGTH = 2_000;

/** JSON bodies of this API are small; anything larger is a mistake or an attack. */
export const MAX_BODY_BYTES = 64 * 1024;

/** The largest frame a client may send on a socket. */
export const MAX_SOCKET_FRAME_BYTES = 4 * 1024;

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

/** How many streams a guest may own: enough for a family of devices, too few to fill the database. */
export const MAX_STREAMS_PER_GUEST = 20;

/** How many broadcasts a guest may have running at once. */
export const MAX_LIVE_STREAMS_PER_GUEST = 4;

/** A watching client says it is still there this often; missing two and a half of them it is gone (15 s is the promise). */
export const VIEWER_HEARTBEAT_MS = 5_000;
export const VIEWER_TIMEOUT_MS = 12_500;

/** Default life of a private stream's playback token, and the longest that may be asked for. */
export const DEFAULT_PLAYBACK_TOKEN_SECONDS = 6 * 3600;
export const MAX_PLAYBACK_TOKEN_SECONDS = 7 * 24 * 3600;

/** How long a broadcast waits for its publisher to come back. */
export const RECONNECT_GRACE_MS = 60_000;

/** As long as proxies and servers take. */
export const MAX_WEBHOOK_URL_LENGTH = 2_000;

/** One for each program of a user's, and some to try out; each is called for each event. */
export const MAX_WEBHOOKS_PER_USER = 10;

/** Services one stream may be forwarded to: each costs the server the stream's rate in upload. */
export const MAX_TARGETS_PER_STREAM = 8;

/** Streams of a guest that are fetched from elsewhere: each that runs is a process on the server. */
export const MAX_SOURCES_PER_GUEST = 4;

export const MAX_TARGET_NAME_LENGTH = 60;

/** Longer than any address that services give out. */
export const MAX_ADDRESS_LENGTH = 1_024;

/** SRT's stream ids have at most so many characters, RTMP's keys are shorter. */
export const MAX_TARGET_KEY_LENGTH = 512;

/** How far back viewers may go where the owner says nothing, and the most that can be said short of "to the beginning". */
export const DEFAULT_REWIND_SECONDS = 2 * 3600;
export const MAX_REWIND_SECONDS = 24 * 3600;
