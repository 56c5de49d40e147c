/** What was kept of a broadcast: as its owner sees it, and as whoever may watch it does. */
import { z } from 'zod';
import { ERROR_CODES } from '../errors.ts';
import { Id, Instant } from '../ids.ts';
import { MAX_TITLE_LENGTH } from '../limits.ts';
import { lineOfText } from '../text.ts';
import { Visibility } from './stream.ts';

/** `recording`: its broadcast runs. `ready`: it can be played and downloaded. `failed`: there is nothing to play. */
export const RecordingState = z.enum(['recording', 'ready', 'failed']).meta({ id: 'RecordingState' });
export type RecordingState = z.infer<typeof RecordingState>;

/**
 * Why it is not all of its broadcast. `disk_full`, `quota_reached`: nothing was written from there on. `interrupted`: the server died; up to
 * two seconds are missing, or, where it has failed, all of it until that server comes back. `write_failed`, `damaged`: the files could not be written, or read again.
 */
export const RecordingProblem = z.enum(['disk_full', 'quota_reached', 'write_failed', 'interrupted', 'damaged']).meta({ id: 'RecordingProblem' });
export type RecordingProblem = z.infer<typeof RecordingProblem>;

export const RecordingSettings = z.strictObject({
  title: lineOfText({ min: 1, max: MAX_TITLE_LENGTH }),
  visibility: Visibility,
});
export type RecordingSettings = z.infer<typeof RecordingSettings>;

/** Where it is watched. Of a private recording every URL already carries a short-lived token. */
export const RecordingPlayback = z
  .strictObject({
    /** `&t=90` or `?t=90` behind it starts there. */
    page: z.string(),
    hls: z.string(),
    dash: z.string(),
    /** One MP4 file. */
    download: z.string(),
    /** A JPEG. 404 `picture_not_found` where there is none: of sound alone, of codecs that nothing here decodes. */
    poster: z.string(),
    /** A WebVTT file of preview pictures, as of a live broadcast, but in the recording's own seconds; without a cue where there are none. */
    storyboard: z.string(),
  })
  .meta({ id: 'RecordingPlayback' });
export type RecordingPlayback = z.infer<typeof RecordingPlayback>;

/**
 * The way of a recording into object storage. `waiting`: its turn comes. `failing`: `problem` says why; it is tried again by itself, and nothing
 * is lost meanwhile. While its broadcast runs, only finished pieces count.
 */
export const RecordingUpload = z
  .strictObject({
    state: z.enum(['waiting', 'uploading', 'uploaded', 'failing']),
    sentBytes: z.number().nonnegative(),
    totalBytes: z.number().nonnegative(),
    /** Null while it cannot be told. */
    secondsLeft: z.number().nonnegative().nullable(),
    problem: z.enum(ERROR_CODES).nullable(),
  })
  .meta({ id: 'RecordingUpload' });
export type RecordingUpload = z.infer<typeof RecordingUpload>;

/**
 * What takes long with a recording now. `repair`: the server died while it was made, and what there is of it is looked through. `download`: the
 * MP4 is made ready.
 */
export const RecordingTask = z
  .strictObject({
    kind: z.enum(['repair', 'download']),
    /** From 0 to 1. */
    share: z.number().min(0).max(1),
    /** Null while it cannot be told. */
    secondsLeft: z.number().nonnegative().nullable(),
  })
  .meta({ id: 'RecordingTask' });
export type RecordingTask = z.infer<typeof RecordingTask>;

export const RecordingStorage = z
  .strictObject({
    /** Whether it lies on a server. */
    local: z.boolean(),
    /** It lies on another server alone: it can be played there, and here when it is uploaded. */
    elsewhere: z.boolean(),
    /** Null where there is no object storage, and of what is not kept. */
    upload: RecordingUpload.nullable(),
  })
  .meta({ id: 'RecordingStorage' });
export type RecordingStorage = z.infer<typeof RecordingStorage>;

export const Recording = z
  .strictObject({
    ...RecordingSettings.shape,
    id: Id,
    /** Null once the stream was deleted. */
    streamId: Id.nullable(),
    broadcastId: Id,
    state: RecordingState,
    problem: RecordingProblem.nullable(),
    /** What can be played; 0 until it is ready. */
    seconds: z.number().nonnegative(),
    /** Of all renditions. */
    bytes: z.number().nonnegative(),
    startedAt: Instant,
    endedAt: Instant.nullable(),
    storage: RecordingStorage,
    /** Null unless something has taken longer than a second. */
    task: RecordingTask.nullable(),
    /** Whether `playback.poster` has a picture. */
    hasPoster: z.boolean(),
    playback: RecordingPlayback,
    updatedAt: Instant,
  })
  .meta({ id: 'Recording' });
export type Recording = z.infer<typeof Recording>;

/** What anybody who may watch sees of it. */
export const PublicRecording = z
  .strictObject({
    id: Id,
    title: z.string(),
    seconds: z.number().nonnegative(),
    startedAt: Instant,
    isOwner: z.boolean(),
    /** Whether `playback.poster` has a picture. */
    hasPoster: z.boolean(),
    playback: RecordingPlayback,
  })
  .meta({ id: 'PublicRecording' });
export type PublicRecording = z.infer<typeof PublicRecording>;
