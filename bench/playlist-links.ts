/** The few things the bench reads out of playlists. */

export async function text(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

/** The media playlist behind `url`, which may be one itself. */
export async function mediaPlaylistUrl(url: string): Promise<string> {
  const playlist = await text(url);
  if (!playlist.includes('#EXT-X-STREAM-INF')) return url;
  return new URL(lines(playlist)[0] ?? '', url).href;
}

/** A piece of media that a player at the live edge asks for: the last part, else the last segment. */
export async function lastMediaUrl(mediaPlaylist: string): Promise<string> {
  const playlist = await text(mediaPlaylist);
  const part = [...playlist.matchAll(/#EXT-X-PART:.*URI="([^"]+)"/g)].at(-1)?.[1];
  return new URL(part ?? lines(playlist).at(-1) ?? '', mediaPlaylist).href;
}

/** Where the live edge of a low-latency playlist is: the segment being made, and how many of its parts there are. */
export function liveEdge(playlist: string): { readonly msn: number; readonly parts: number } {
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1] ?? 0);
  const skipped = Number(/#EXT-X-SKIP:.*SKIPPED-SEGMENTS=(\d+)/.exec(playlist)?.[1] ?? 0);
  const afterLastSegment = playlist.slice(playlist.lastIndexOf('#EXTINF'));
  return { msn: first + skipped + lines(playlist).length, parts: (afterLastSegment.match(/#EXT-X-PART:/g) ?? []).length };
}

function lines(playlist: string): string[] {
  return playlist.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
}
