/** The names of segments, parts and init segments as players ask for them. */

export type MediaFile =
  | { readonly type: 'init'; readonly number: number }
  | { readonly type: 'segment'; readonly msn: number }
  | { readonly type: 'part'; readonly msn: number; readonly part: number };

const INIT = /^init-(\d{1,9})\.mp4$/;
const SEGMENT = /^(\d{1,12})(?:\.(\d{1,9}))?\.m4s$/;

/** Undefined for a name that this run of the broadcast does not use. */
export function parseMediaFile(name: string, epoch: string): MediaFile | undefined {
  if (!name.startsWith(epoch) || name[epoch.length] !== '-') return undefined;
  const rest = name.slice(epoch.length + 1);
  const init = INIT.exec(rest);
  if (init) return { type: 'init', number: Number(init[1]) };
  const segment = SEGMENT.exec(rest);
  if (!segment) return undefined;
  const msn = Number(segment[1]);
  return segment[2] === undefined ? { type: 'segment', msn } : { type: 'part', msn, part: Number(segment[2]) };
}
