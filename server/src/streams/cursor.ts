/** Where a page of a list goes on: the rank and id of its last item, opaque to clients. */
import { Id } from '@millrace/contract/ids';
import { AppError } from '../lib/app-error.ts';

export interface Cursor {
  /** What the list is sorted by, highest first: a time in milliseconds, a number of viewers. */
  readonly rank: number;
  readonly id: string;
}

/** The largest time a Date can hold; no rank is beyond it. */
const MAX_RANK = 8_640_000_000_000_000;

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
