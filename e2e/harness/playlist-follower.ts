/** Follows a live playlist as a low-latency player does: by blocking reloads, each answer given to `see`. */
import { until } from './until.ts';

export interface Follower {
  /** Every answer in order. */
  readonly see: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Ends with the playlist's ENDLIST or with the signal. Gives the number of reloads. */
export async function followPlaylist(url: string, { see, signal }: Follower): Promise<number> {
  let text = await until(() => getText(url), { what: `a playlist at ${url}`, timeoutMs: 20_000 });
  let reloads = 0;
  for (;;) {
    see(text);
    if (text.includes('#EXT-X-ENDLIST') || signal.aborted) return reloads;
    const { msn, part } = nextUpdate(text);
    const address = new URL(url);
    address.searchParams.set('_HLS_msn', String(msn));
    address.searchParams.set('_HLS_part', String(part));
    const next = await getText(address.href, signal).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      throw error;
    });
    if (next === undefined && signal.aborted) return reloads;
    // While the publisher is away the update does not come and the server answers 503: the player asks again.
    text = next ?? text;
    reloads++;
  }
}

/** The renditions a multivariant playlist names: each media playlist once. */
export async function renditionsOf(multivariantUrl: string): Promise<string[]> {
  const text = await until(() => getText(multivariantUrl), { what: `a playlist at ${multivariantUrl}`, timeoutMs: 20_000 });
  const media = [...text.matchAll(/#EXT-X-MEDIA:.*URI="([^"]+)"/g)].map((match) => match[1] ?? '');
  const variants = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return [...new Set([...variants, ...media])].map((uri) => new URL(uri, multivariantUrl).href);
}

/** Undefined for an answer that says "not yet": the update did not come in the time the server may hold a request. */
async function getText(url: string, signal?: AbortSignal): Promise<string | undefined> {
  const response = await fetch(url, signal ? { signal } : {});
  if (response.status === 503) return undefined;
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.text();
}

function nextUpdate(text: string): { readonly msn: number; readonly part: number } {
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
  const segments = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')).length;
  const parts = text.slice(text.lastIndexOf('#EXTINF')).match(/#EXT-X-PART:/g)?.length ?? 0;
  return { msn: first + segments, part: parts };
}
