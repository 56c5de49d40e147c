/** A service that a stream's broadcasts are forwarded to, as its owner sees it. The key is never shown. */
import { z } from 'zod';
import { Id, Instant } from '../ids.ts';
import { MAX_ADDRESS_LENGTH, MAX_TARGET_KEY_LENGTH, MAX_TARGET_NAME_LENGTH } from '../limits.ts';
import { lineOfText } from '../text.ts';

/**
 * `off`: switched off by the owner. `idle`: no broadcast that viewers may see runs. `waiting`: it failed and is tried again at `retryAt`.
 * `refused`: the service said no, or the broadcast cannot be sent there; tried again less often.
 */
export const TargetState = z.enum(['off', 'idle', 'connecting', 'forwarding', 'waiting', 'refused']).meta({ id: 'TargetState' });
export type TargetState = z.infer<typeof TargetState>;

export const TargetName = lineOfText({ min: 1, max: MAX_TARGET_NAME_LENGTH });

/** `rtmp://`, `rtmps://` or `srt://`. May hold the key itself, as a last part of the path or as `streamid`. */
export const TargetAddress = lineOfText({ min: 1, max: MAX_ADDRESS_LENGTH });

/** RTMP's stream name, SRT's stream id. */
export const TargetKey = lineOfText({ min: 1, max: MAX_TARGET_KEY_LENGTH });

export const Target = z
  .strictObject({
    id: Id,
    name: TargetName,
    /** Without its secrets. */
    url: z.string(),
    enabled: z.boolean(),
    state: TargetState,
    /** What went wrong last, a sentence; null while all is well. */
    error: z.string().nullable(),
    retryAt: Instant.nullable(),
    forwardingSince: Instant.nullable(),
    /** Of the running broadcast. */
    bytesSent: z.int().nonnegative(),
    /** Frames that the service was too slow for, of the running broadcast. */
    droppedUnits: z.int().nonnegative(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Target' });
export type Target = z.infer<typeof Target>;
