/** Where a stream's media is fetched from, when it does not wait for a publisher. */
import { z } from 'zod';
import { Instant } from '../ids.ts';
import { MAX_ADDRESS_LENGTH } from '../limits.ts';
import { lineOfText } from '../text.ts';

/** `always`: fetched day and night. `on-demand`: while somebody watches, and a little longer. */
export const SourceMode = z.enum(['always', 'on-demand']).meta({ id: 'SourceMode' });
export type SourceMode = z.infer<typeof SourceMode>;

/**
 * `idle`: nobody watches. `connecting`: nothing has come yet. `waiting`: it failed and is tried again at `retryAt`.
 * `occupied`: a publisher with the stream’s key has the stream for itself.
 */
export const SourceState = z.enum(['idle', 'connecting', 'running', 'waiting', 'occupied']).meta({ id: 'SourceState' });
export type SourceState = z.infer<typeof SourceState>;

export const SourceSettings = z.strictObject({
  /** `rtmp://`, `rtmps://`, `rtsp://`, `rtsps://`, `srt://`, `http://` or `https://` (HLS, MPEG-TS and files), or `file:name` for a file of the operator’s media folder, in a loop. */
  url: lineOfText({ min: 1, max: MAX_ADDRESS_LENGTH }),
  mode: SourceMode,
});
export type SourceSettings = z.infer<typeof SourceSettings>;

export const Source = z
  .strictObject({
    /** Without its secrets. */
    url: z.string(),
    mode: SourceMode,
    state: SourceState,
    /** What went wrong last, a sentence; null while all is well. */
    error: z.string().nullable(),
    retryAt: Instant.nullable(),
    updatedAt: Instant,
  })
  .meta({ id: 'Source' });
export type Source = z.infer<typeof Source>;
