/** Reads the burned-in clock and the sound of a playing element, in the page. Functions given to evaluate() use nothing from outside. */
import type { Page } from 'playwright-core';
import { CELL_ROWS, CELLS_PER_ROW, paintedAt, readClockCells } from './clock-picture.ts';
import { until } from './until.ts';

export interface ClockReading {
  /** When the shown frame was painted, and its number (modulo 2^16). */
  readonly paintedMs: number;
  readonly frame: number;
  /** When it was read from the screen: glass to glass is the difference. */
  readonly readMs: number;
  readonly latencyMs: number;
  /** The element's own clock, in ms. */
  readonly mediaMs: number;
}

/** The clock on the screen now; undefined when none can be read (no frame yet, a page that hides the video's pixels). */
export async function glanceAtClock(page: Page, selector = 'video'): Promise<ClockReading | undefined> {
  return clockIn(await page.evaluate(lumaOfCells, { ...CELLS, selector }));
}

/** What `lumaOfCells` has to know besides where to look. */
export const CELLS = { columns: CELLS_PER_ROW, rows: CELL_ROWS };

/** The clock in what `lumaOfCells` saw. */
export function clockIn(seen: ReturnType<typeof lumaOfCells>): ClockReading | undefined {
  const clock = seen && readClockCells(seen.luma);
  if (!seen || !clock) return undefined;
  const paintedMs = paintedAt(clock.wallMs, seen.readMs);
  return { paintedMs, frame: clock.frame, readMs: seen.readMs, latencyMs: seen.readMs - paintedMs, mediaMs: seen.mediaMs };
}

/** Waits for a readable clock. */
export function readClock(page: Page, options: { readonly timeoutMs?: number; readonly selector?: string } = {}): Promise<ClockReading> {
  return until(() => glanceAtClock(page, options.selector), { what: `a clock in the picture of ${page.url()}`, timeoutMs: options.timeoutMs ?? 10_000 });
}

/** Latencies of `count` different frames, sorted. */
export async function sampleLatencies(page: Page, count: number, timeoutMs = 20_000): Promise<number[]> {
  const samples = new Map<number, number>();
  await until(
    async () => {
      const reading = await glanceAtClock(page);
      if (reading && !samples.has(reading.frame)) samples.set(reading.frame, reading.latencyMs);
      return samples.size >= count;
    },
    { what: `${count} different frames`, timeoutMs, everyMs: 30, seen: () => `${samples.size}` },
  );
  return [...samples.values()].sort((a, b) => a - b);
}

export function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Waits until the element gives off sound: it is not muted, and what it plays is louder than silence. */
export async function hearSound(page: Page, selector = 'video', timeoutMs = 10_000): Promise<number> {
  return until(() => page.evaluate(loudness, selector).then((level) => level > 0.01 && level), { what: `sound on ${page.url()}`, timeoutMs });
}

/** Waits until the element's own clock has gone on by `seconds`. */
export async function playFor(page: Page, seconds: number, timeoutMs: number, selector = 'video'): Promise<void> {
  const now = () =>
    page
      .locator(selector)
      .first()
      .evaluate((element) => (element instanceof HTMLMediaElement ? element.currentTime : Number.NaN));
  const start = await now();
  await until(async () => (await now()) >= start + seconds, { what: `${seconds} s of playing`, timeoutMs, everyMs: 200, seen: async () => `${(await now()) - start} s` });
}

/** A part of the picture that has a clock of its own. */
export interface PicturePart {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** The brightness of each cell, of a video or of a part of an image: the strip is drawn at four pixels a cell, of which the middle four are read. Runs inside a page. */
export function lumaOfCells({
  selector,
  columns,
  rows,
  part,
}: {
  selector: string;
  columns: number;
  rows: number;
  part?: PicturePart;
}): { luma: number[]; readMs: number; mediaMs: number } | undefined {
  const picture = document.querySelector(selector);
  const isVideo = picture instanceof HTMLVideoElement;
  if (!isVideo && !(picture instanceof HTMLImageElement)) return undefined;
  if (isVideo ? picture.readyState < 2 || picture.videoWidth === 0 : !picture.complete) return undefined;
  const { x: left, y: top, width } = part ?? { x: 0, y: 0, width: isVideo ? picture.videoWidth : picture.naturalWidth };
  const canvas = new OffscreenCanvas(columns * 4, rows * 4);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return undefined;
  const cell = width / columns;
  context.drawImage(picture, left, top, width, cell * rows, 0, 0, canvas.width, canvas.height);
  const readMs = Date.now();
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const luma: number[] = [];
  for (let i = 0; i < columns * rows; i++) {
    const x = (i % columns) * 4 + 1;
    const y = Math.floor(i / columns) * 4 + 1;
    let sum = 0;
    for (const at of [y * canvas.width + x, y * canvas.width + x + 1, (y + 1) * canvas.width + x, (y + 1) * canvas.width + x + 1]) sum += data[at * 4 + 1] ?? 0;
    luma.push(sum / 4);
  }
  return { luma, readMs, mediaMs: isVideo ? picture.currentTime * 1000 : 0 };
}

// Root mean square of what the element plays, 0 when it is muted. The analyser is kept on the element for the next question.
async function loudness(selector: string): Promise<number> {
  const element = document.querySelector(selector);
  if (!(element instanceof HTMLMediaElement) || element.muted || element.volume === 0 || element.paused) return 0;
  if (!('captureStream' in element) || typeof element.captureStream !== 'function') return 0;
  const stream: unknown = element.captureStream();
  if (!(stream instanceof MediaStream) || stream.getAudioTracks().length === 0) return 0;
  const audio = new AudioContext();
  await audio.resume();
  const analyser = audio.createAnalyser();
  audio.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let level = 0;
  for (let i = 0; i < 10 && level < 0.01; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    analyser.getFloatTimeDomainData(samples);
    level = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
  }
  await audio.close();
  return level;
}
