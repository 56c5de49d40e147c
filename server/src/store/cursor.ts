/** Where a page of a newest-first list goes on: the time and id of its last row, opaque to clients. */
import { Id } from '@millrace/contract/ids';
import { AppError } from '../lib/app-error.ts';

export interface Cursor {
  readonly createdAt: Date;
  readonly id: string;
}

export function writeCursor({ createdAt, id }: Cursor): string {
  return Buffer.from(`${createdAt.getTime().toString(36)}.${id}`).toString('base64url');
}

/** Throws `invalid_request` for anything that `writeCursor` did not make. */
export function readCursor(text: string): Cursor {
  const [time = '', id = ''] = Buffer.from(text, 'base64url').toString('latin1').split('.');
  const createdAt = new Date(Number.parseInt(time, 36));
  const cursor = { createdAt, id };
  if (!Id.safeParse(id).success || Number.isNaN(createdAt.getTime()) || writeCursor(cursor) !== text) {
    throw new AppError('invalid_request', { fields: [{ path: 'cursor', message: 'must be a nextCursor of an earlier answer' }] });
  }
  return cursor;
}
