/** The lasting thing with an id, a code and a key; as its owner sees it and as the public does. */
import { z } from 'zod';
import { Code, Id, Instant } from '../ids.ts';
import { MAX_DESCRIPTION_LENGTH, MAX_REWIND_SECONDS, MAX_TITLE_LENGTH } from '../limits.ts';
import { lineOfText, paragraphsOfText } from '../text.ts';
import { Broadcast, BroadcastState } from './broadcast.ts';

export const Visibility = z.enum(['public', 'unlisted', 'private']).meta({ id: 'Visibility' });
export type Visibility = z.infer<typeof Visibility>;

export const StreamSettings = z.strictObject({
  title: lineOfText({ min: 1, max: MAX_TITLE_LENGTH }),
  description: paragraphsOfText({ max: MAX_DESCRIPTION_LENGTH }),
  visibility: Visibility,
  /** `auto`: live with the first media. `manual`: media is previewed until the owner starts. */
  start: z.enum(['auto', 'manual']),
  /** What happens when a second publisher brings the right key while one is live. */
  secondPublisher: z.enum(['takeover', 'refuse']),
  /** Whether broadcasts are to be kept: each that begins from now on becomes a recording. */
  record: z.boolean(),
  /** How far back viewers of a live broadcast may go; 0: not at all; null: to its beginning. Of broadcasts that begin from now on. */
  rewindSeconds: z.int().min(0).max(MAX_REWIND_SECONDS).nullable(),
  /** When smaller sizes of the picture are made. `auto`: while somebody plays by HLS or DASH, or needs one in real time. `always`: as long as it is live. */
  ladder: z.enum(['auto', 'off', 'always']),
});
export type StreamSettings = z.infer<typeof StreamSettings>;

export const Stream = z
  .strictObject({
    ...StreamSettings.shape,
    id: Id,
    code: Code,
    status: BroadcastState,
    /** The running broadcast, else the last one, else null. */
    broadcast: Broadcast.nullable(),
    viewers: z.int().nonnegative(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Stream' });
export type Stream = z.infer<typeof Stream>;

/** Where publishers send. `key` and `token` are present only in the answer that made the key: it is stored hashed. */
export const Ingest = z
  .strictObject({
    rtmp: z.strictObject({ url: z.string(), key: z.string().optional() }).optional(),
    rtmps: z.strictObject({ url: z.string(), key: z.string().optional() }).optional(),
    /** WHIP (RFC 9725). `token` is the bearer token. */
    whip: z.strictObject({ url: z.string(), token: z.string().optional() }),
  })
  .meta({ id: 'Ingest' });
export type Ingest = z.infer<typeof Ingest>;

/** Where viewers look. On a private stream every URL already carries a short-lived token. */
export const Playback = z
  .strictObject({
    page: z.string(),
    hls: z.string(),
    dash: z.string(),
    whep: z.string(),
    /** A JPEG of the running broadcast, at most 10 s old where it has key frames as often. 404 `picture_not_found` while there is none. */
    poster: z.string(),
    /**
     * A WebVTT file of preview pictures, as far back as the broadcast can be watched. Each cue names a part of a JPEG: `sprite-….jpg#xywh=x,y,w,h`, relative to
     * the file, with the token that the request had. Cue times count from the instant in its first block, `NOTE PROGRAM-DATE-TIME 2026-01-31T12:00:00.000Z`, on the clock of the playlists'
     * EXT-X-PROGRAM-DATE-TIME; it stays the same for the broadcast. 404 `picture_not_found` while there is none.
     */
    storyboard: z.string(),
  })
  .meta({ id: 'Playback' });
export type Playback = z.infer<typeof Playback>;

/** What anybody who may watch sees of a stream. */
export const PublicStream = z
  .strictObject({
    id: Id,
    code: Code,
    title: z.string(),
    description: z.string(),
    visibility: Visibility,
    status: BroadcastState,
    startedAt: Instant.nullable(),
    endedAt: Instant.nullable(),
    viewers: z.int().nonnegative(),
    /** How far back a live broadcast can be watched; null: to its beginning. */
    rewindSeconds: z.int().nonnegative().nullable(),
    /** Whether `playback.poster` has a picture now. */
    hasPoster: z.boolean(),
    /** Another server on the same database has its broadcast: it can be watched there, and not here. */
    elsewhere: z.boolean(),
    playback: Playback,
  })
  .meta({ id: 'PublicStream' });
export type PublicStream = z.infer<typeof PublicStream>;
