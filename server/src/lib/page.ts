/** Lists in pages: what is asked for, what is answered, and the cursor that leads from one page to the next. */
import { Id } from '@millrace/contract/ids';
import { AppError } from './app-error.ts';

export interface PageQuery {
  /** Of the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface Page<Item> {
  readonly items: Item[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** The last item of a page; opaque to clients. */
export interface Cursor {
  /** What the list is sorted by, highest first: a time in milliseconds, a number of viewers. */
  readonly rank: number;
  readonly id: string;
}

/** The largest time a Date can hold; no rank is beyond it. */
const MAX_RANK = 8_640_000_000_000_000;

/** One row more than asked for was fetched: it says whether there is another page. */
export function pageOf<Row>(fetched: readonly Row[], limit: number, cursorOf: (row: Row) => Cursor): Page<Row> {
  const items = fetched.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: fetched.length > limit && last !== undefined ? writeCursor(cursorOf(last)) : null };
}

export function writeCursor({ rank, id }: Cursor): string {
  return Buffer.from(`${rank.toString(36)}.${id}`).toString('base64url');
}

/** Throws `invalid_request` for anything that `writeCursor` did not make. */
export function readCursor(text: string): Cursor {
  const [digits = '', id = ''] = Buffer.from(text, 'base64url').toString('latin1').split('.');
  const cursor = { rank: Number.parseInt(digits, 36), id };
  const plausible = Number.isInteger(cursor.rank) && cursor.rank >= 0 && cursor.rank <= MAX_RANK && Id.safeParse(id).success;
  if (!plausible || writeCursor(cursor) !== text) {
    throw new AppError('invalid_request', { fields: [{ path: 'cursor', message: 'must be a nextCursor of an earlier answer' }] });
  }
  return cursor;
}
