/** GStreamer's webrtcbin as a foreign WHIP publisher, whose media flashes and beeps at each full second, and as a WHEP viewer that tells when it saw and heard it. */
import { join } from 'node:path';
import { Child } from './child.ts';
import { ROOT } from './folder.ts';
import type { Onsets } from './lip-sync.ts';

/** Debian's, for which the packages are made: another may come first in PATH. */
const PYTHON = '/usr/bin/python3';

const CLIENT = join(ROOT, 'e2e/publishers/gstreamer-client.py');

export type GstreamerCodec = 'H264' | 'VP8';

/** Sends until it is stopped; prints a line with `published` once it is on. */
export function flashWithGstreamer(options: { readonly url: string; readonly token: string; readonly codec: GstreamerCodec }): Child {
  return new Child(PYTHON, [CLIENT, 'publish', options.url, '--token', options.token, '--codec', options.codec]);
}

export function watchWithGstreamer(url: string, codec: GstreamerCodec): Child {
  return new Child(PYTHON, [CLIENT, 'play', url, '--codec', codec]);
}

/** What a viewer has seen and heard so far. */
export function onsetsSeenBy(viewer: Child): Onsets {
  const events: Readonly<Record<string, unknown>>[] = viewer.stdout.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const times = (name: string) => events.flatMap((event) => (typeof event[name] === 'number' ? event[name] / 1e6 : []));
  return { flashesMs: times('flash'), beepsMs: times('beep') };
}
