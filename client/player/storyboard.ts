/** What was seen when: the preview pictures of a broadcast or a recording, from the WebVTT file that the server writes. */

/** A part of a JPEG, in its own pixels. */
export interface StoryboardPicture {
  /** Seconds: from `Storyboard.startsAtMs`, or of the recording. */
  readonly start: number;
  readonly end: number;
  readonly url: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Storyboard {
  /** Of a live broadcast: the instant from which times count, ms since the Unix epoch. */
  readonly startsAtMs: number | undefined;
  /** Earliest first. */
  readonly pictures: readonly StoryboardPicture[];
}

/** Five days of a picture every ten seconds; what comes behind them is not read. */
export const MAX_STORYBOARD_PICTURES = 43_200;

/** As many of them have less, with the longest addresses that there are. */
const MAX_CHARACTERS = 16_000_000;

/** No sheet is larger in either direction. */
const MAX_PIXELS = 65_535;

const STARTS_AT = /^NOTE PROGRAM-DATE-TIME (\S{1,40})$/;
const TIMES = /^(\S{9,16}) +--> +(\S{9,16})/;
const TIME = /^(?:(\d{2,5}):)?([0-5]\d):([0-5]\d)\.(\d{3})$/;
const PLACE = /^(\S{1,2000})#xywh=(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})$/;

/**
 * Lines that mean nothing to it are passed over, so that whatever comes becomes a storyboard, if an empty one. Pictures of another origin are left out.
 * @param url of the file; the pictures' addresses are relative to it.
 */
export function parseStoryboard(text: string, url: string): Storyboard {
  const lines = text.slice(0, MAX_CHARACTERS).split(/\r\n|\r|\n/);
  const pictures: StoryboardPicture[] = [];
  let startsAtMs: number | undefined;
  let times: Times | undefined;
  if (!/^\u{feff}?WEBVTT(?:[ \t]|$)/u.test(lines[0] ?? '')) return { startsAtMs, pictures };
  for (const line of lines) {
    if (pictures.length === MAX_STORYBOARD_PICTURES) break;
    const picture: StoryboardPicture | undefined = times && pictureOf(line, times, url);
    if (picture) pictures.push(picture);
    times = timesOf(line);
    startsAtMs ??= instantOf(line);
  }
  return { startsAtMs, pictures: pictures.sort((a, b) => a.start - b.start) };
}

/** What was seen then. A picture stands for as long again as it lasts where none follows it: the next may be on its way. */
export function pictureAt({ pictures }: Storyboard, seconds: number): StoryboardPicture | undefined {
  let [low, high] = [0, pictures.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pictures[middle]?.start ?? Number.POSITIVE_INFINITY) <= seconds) low = middle + 1;
    else high = middle;
  }
  // Before the first there is none but the first, if that is near.
  const picture = pictures[Math.max(0, low - 1)];
  if (!picture) return undefined;
  const away = Math.max(picture.start - seconds, seconds - picture.end);
  return away < picture.end - picture.start ? picture : undefined;
}

interface Times {
  readonly start: number;
  readonly end: number;
}

function timesOf(line: string): Times | undefined {
  const [, from = '', to = ''] = TIMES.exec(line) ?? [];
  const [start, end] = [secondsOf(from), secondsOf(to)];
  return start !== undefined && end !== undefined && start < end ? { start, end } : undefined;
}

function secondsOf(time: string): number | undefined {
  const match = TIME.exec(time);
  if (!match) return undefined;
  const [, hours = '0', minutes, seconds, milliseconds] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(milliseconds) / 1000;
}

function instantOf(line: string): number | undefined {
  const at = Date.parse(STARTS_AT.exec(line)?.[1] ?? '');
  return Number.isNaN(at) ? undefined : at;
}

function pictureOf(line: string, times: Times, base: string): StoryboardPicture | undefined {
  const match = PLACE.exec(line);
  if (!match) return undefined;
  const [, address = '', ...numbers] = match;
  const [x = 0, y = 0, width = 0, height = 0] = numbers.map(Number);
  if (width === 0 || height === 0 || x + width > MAX_PIXELS || y + height > MAX_PIXELS) return undefined;
  if (!URL.canParse(address, base)) return undefined;
  const { href, origin, protocol } = new URL(address, base);
  if (origin !== new URL(base).origin || !/^https?:$/.test(protocol)) return undefined;
  return { ...times, url: href, x, y, width, height };
}
