/** aiortc as a foreign WHIP publisher and WHEP viewer: another implementation of all of it, in Python. */
import { join } from 'node:path';
import { Child } from './child.ts';
import { ROOT } from './folder.ts';

/** Debian's, for which the package is made: another may come first in PATH. */
const PYTHON = '/usr/bin/python3';

const CLIENT = join(ROOT, 'e2e/publishers/aiortc-client.py');

/** Sends a picture and a tone until it is stopped. */
export function publishWithAiortc(options: { readonly url: string; readonly token: string; readonly codec: 'H264' | 'VP8' }): Child {
  return new Child(PYTHON, [CLIENT, 'publish', options.url, '--token', options.token, '--codec', options.codec]);
}

export interface AiortcSaw {
  readonly frames: number;
  readonly size: readonly number[];
  /** Of the sound, hertz; null without sound. */
  readonly rate: number | null;
  /** The loudest sample, of full scale. */
  readonly level: number;
}

/** Plays until it has decoded so many frames. */
export async function playWithAiortc(url: string, frames: number): Promise<AiortcSaw> {
  await using client = new Child(PYTHON, [CLIENT, 'play', url, '--frames', String(frames), '--seconds', '30']);
  return JSON.parse(await client.line((line) => line.startsWith('{'), 40_000));
}
