/** Where a stream's media is fetched from, when it does not wait for a publisher. */
import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { Instant } from '../ids.ts';
import { MAX_ADDRESS_LENGTH } from '../limits.ts';
import { lineOfText } from '../text.ts';

/** `always`: fetched day and night. `on-demand`: while somebody watches, and a little longer. */
export const SourceMode = z.enum(['always', 'on-demand']).meta({ id: 'SourceMode' });
export type SourceMode = z.infer<typeof SourceMode>;

/**
 * `off`: switched off by the owner. `idle`: nobody watches. `connecting`: nothing has come yet. `waiting`: it failed and is tried again at `retryAt`.
 * `occupied`: a publisher with the stream’s key has the stream for itself.
 */
export const SourceState = z.enum(['off', 'idle', 'connecting', 'running', 'waiting', 'occupied']).meta({ id: 'SourceState' });
export type SourceState = z.infer<typeof SourceState>;

/** Codes of the registry of errors. */
const PROBLEMS = [
  'address_not_allowed',
  'media_processes_exhausted',
  'source_ended',
  'source_not_found',
  'source_refused',
  'source_unreachable',
  'source_unreadable',
  'source_unsupported',
  'source_untrusted',
  'internal',
] as const satisfies readonly ErrorCode[];
export const SourceProblem = z.enum(PROBLEMS).meta({ id: 'SourceProblem' });
export type SourceProblem = z.infer<typeof SourceProblem>;

export const SourceSettings = z.strictObject({
  /** `rtmp://`, `rtmps://`, `rtsp://`, `rtsps://`, `srt://`, `http://` or `https://` (HLS, MPEG-TS and files), or `file:name` for a file of the operator’s media folder, in a loop. */
  url: lineOfText({ min: 1, max: MAX_ADDRESS_LENGTH }),
  mode: SourceMode,
  /** Whether it is fetched at all. */
  enabled: z.boolean(),
});
export type SourceSettings = z.infer<typeof SourceSettings>;

export const Source = z
  .strictObject({
    /** Without its secrets. */
    url: z.string(),
    mode: SourceMode,
    enabled: z.boolean(),
    state: SourceState,
    /** The code of what went wrong last; null while all is well. */
    problem: SourceProblem.nullable(),
    /** The same in a sentence. */
    error: z.string().nullable(),
    retryAt: Instant.nullable(),
    updatedAt: Instant,
  })
  .meta({ id: 'Source' });
export type Source = z.infer<typeof Source>;
