import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Slabs } from './slabs.ts';

it('gives each piece bytes of its own, one behind the other', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 30 }), (sizes) => {
      const slabs = new Slabs();
      const pieces = sizes.map((size, i) => slabs.copy(new Uint8Array(size).fill(i + 1)));
      expect(pieces.map(({ length }) => length)).toEqual(sizes);
      for (const [i, piece] of pieces.entries()) expect(piece.every((byte) => byte === i + 1)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it('begins small and puts many pieces into few buffers', () => {
  const slabs = new Slabs();
  const first = slabs.take(100);
  expect(first.buffer.byteLength).toBe(16 * 1024);
  expect(slabs.take(100).byteOffset).toBe(first.byteOffset + 100);
  const buffers = new Set(Array.from({ length: 1000 }, () => slabs.take(9_000).buffer));
  expect(buffers.size).toBeLessThan(45);
  expect(Math.max(...Array.from(buffers, ({ byteLength }) => byteLength))).toBe(256 * 1024);
});

it('leaves large pieces to themselves, and the slab to those that follow', () => {
  const slabs = new Slabs();
  const before = slabs.take(10);
  expect(slabs.take(1_000_000).buffer.byteLength).toBe(1_000_000);
  expect(slabs.take(10).buffer).toBe(before.buffer);
});
