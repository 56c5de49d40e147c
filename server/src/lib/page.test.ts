import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from './app-error.ts';
import { pageOf, readCursor, writeCursor } from './page.ts';

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

describe('a page', () => {
  const cursorOf = (id: string) => ({ rank: 7, id: id.padEnd(21, '0') });

  test('leads on from its last item when a row more was found', () => {
    const { items, nextCursor } = pageOf(['a', 'b', 'c'], 2, cursorOf);
    expect(items).toEqual(['a', 'b']);
    expect(readCursor(nextCursor ?? '')).toEqual(cursorOf('b'));
  });

  test('is the last when there is none', () => {
    expect(pageOf(['a', 'b'], 2, cursorOf)).toEqual({ items: ['a', 'b'], nextCursor: null });
    expect(pageOf([], 2, cursorOf)).toEqual({ items: [], nextCursor: null });
  });
});
