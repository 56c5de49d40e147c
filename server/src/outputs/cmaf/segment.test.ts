/** What a part keeps in memory beside its own bytes. */
import { Slabs } from '@millrace/media/slabs';
import { expect, it } from 'vitest';
import { Part } from './segment.ts';

const AT = { uri: 'part', seconds: 0.2, independent: true };

/** Pieces of some bytes each, with other things of so many bytes between them. */
function pieces(count: number, bytes: number, between: number): Uint8Array[] {
  const slabs = new Slabs();
  return Array.from({ length: count }, (_, i) => {
    slabs.take(between);
    return slabs.copy(new Uint8Array(bytes).fill(i));
  });
}

it('is not copied where its pieces lie close together', () => {
  const close = pieces(6, 10_000, 300);
  expect(new Part(AT, close, new Slabs()).pieces).toEqual(close);
});

it.each([
  ['sound between pictures', pieces(10, 300, 6_000)],
  ['little in each of many slabs', pieces(10, 300, 130_000 - 300)],
])('is copied out at once: %s', (_name, sparse) => {
  const part = new Part(AT, sparse, new Slabs());
  expect(part.pieces).toHaveLength(1);
  expect(Buffer.compare(part.body, Buffer.concat(sparse))).toBe(0);
});
