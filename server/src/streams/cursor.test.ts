import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../lib/app-error.ts';
import { readCursor, writeCursor } from './cursor.ts';

const id = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-'), minLength: 21, maxLength: 36 });
const rank = fc.integer({ min: 0, max: 8_640_000_000_000_000 });

describe('a cursor', () => {
  test('comes back as it was written', () => {
    fc.assert(
      fc.property(rank, id, (rank, id) => {
        expect(readCursor(writeCursor({ rank, id }))).toEqual({ rank, id });
      }),
    );
  });

  test('fits the contract’s limit', () => {
    fc.assert(
      fc.property(rank, id, (rank, id) => {
        expect(writeCursor({ rank, id }).length).toBeLessThanOrEqual(200);
      }),
    );
  });

  test('that nobody was given is refused as a wrong field, whatever it holds', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ maxLength: 100 }).map((text) => Buffer.from(text).toString('base64url')),
      fc.tuple(fc.string({ maxLength: 12 }), id).map(([digits, id]) => Buffer.from(`${digits}.${id}`).toString('base64url')),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        try {
          // Read at all, it is one that we would have given.
          expect(writeCursor(readCursor(text))).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          expect(error).toMatchObject({ code: 'invalid_request', params: { fields: [{ path: 'cursor' }] } });
        }
      }),
      { examples: [[''], ['.'], [Buffer.from(`-1.${'a'.repeat(21)}`).toString('base64url')], [Buffer.from(`zzzzzzzzzzzz.${'a'.repeat(21)}`).toString('base64url')]] },
    );
  });
});
