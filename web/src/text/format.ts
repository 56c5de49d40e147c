/** Numbers, dates and durations as people read them. */
import { onceAsked } from './once-asked.ts';
import { LOCALE } from './text.ts';

/** Dates are written in the way of the person's country, as long as that is in the language of the pages. */
const DATE_LOCALE = regionOf(globalThis.navigator?.languages ?? []);

const timeOfDay = onceAsked(() => new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }));
const dayAndTime = onceAsked(() => new Intl.DateTimeFormat(DATE_LOCALE, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }));
const wholeDate = onceAsked(() => new Intl.DateTimeFormat(DATE_LOCALE, { dateStyle: 'long' }));
const oneDecimal = onceAsked(() => new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 }));
const upToOne = onceAsked(() => new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 }));
const wholePercent = onceAsked(() => new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0, roundingMode: 'floor' }));
const both = onceAsked(() => new Intl.ListFormat(LOCALE, { type: 'conjunction' }));
const whole = onceAsked(() => new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 }));

/** 21:04 */
export function clockTime(at: string | number): string {
  return timeOfDay().format(new Date(at));
}

/** `en-GB` of a person who reads that first; the language of the pages for who reads no kind of it. */
export function regionOf(languages: readonly string[]): string {
  return languages.find((language) => language.split('-')[0] === LOCALE) ?? LOCALE;
}

/** 3 Nov, 21:04; Nov 3, 21:04 */
export function dayAndTimeOf(date: Date): string {
  return dayAndTime().format(date);
}

/** 21:04 today, else the day as well */
export function when(at: string, now = new Date()): string {
  const date = new Date(at);
  return date.toDateString() === now.toDateString() ? timeOfDay().format(date) : dayAndTime().format(date);
}

/** 3 November 2036; November 3, 2036 */
export function longDate(at: string): string {
  return wholeDate().format(new Date(at));
}

/** 0:07, 12:30, 1:02:03 */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** 0.8 s */
export function seconds(ms: number): string {
  return `${oneDecimal().format(ms / 1000)} s`;
}

/** 2.5 Mbit/s, 640 kbit/s */
export function bitrate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1_000_000 ? `${oneDecimal().format(bitsPerSecond / 1_000_000)} Mbit/s` : `${whole().format(bitsPerSecond / 1000)} kbit/s`;
}

/** 12 MB, 3.4 GB: as disks are sold. */
export function fileSize(bytes: number): string {
  if (bytes >= 1_000_000_000) return `${upToOne().format(bytes / 1_000_000_000)} GB`;
  return `${whole().format(Math.max(1, bytes / 1_000_000))} MB`;
}

/** 42% */
export function percent(share: number): string {
  return wholePercent().format(share);
}

export function number(value: number): string {
  return upToOne().format(value);
}

/** 720p, 480p, and 360p */
export function list(names: readonly string[]): string {
  return both().format(names);
}

/** K7Q 4XM: a code as people read it aloud. */
export function spacedCode(code: string): string {
  return `${code.slice(0, 3)} ${code.slice(3)}`;
}
