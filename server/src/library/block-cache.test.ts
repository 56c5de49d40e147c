/** What is read by blocks is what lies there, whatever is asked for; a block is fetched once, and memory stays bounded. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES, BlockCache } from './block-cache.ts';

const SIZE = 3 * BLOCK_BYTES + 12_345;
const file = { key: 'recordings/one/video/media-0.m4s', size: SIZE };
const content = Buffer.alloc(SIZE);
for (let at = 0; at < SIZE; at++) content[at] = (at * 31 + (at >> 13)) & 0xff;

function cacheOf(maxBytes: number) {
  const fetched: number[] = [];
  const trouble = { isAway: false };
  const cache = new BlockCache({
    maxBytes,
    async fetch(_, offset, bytes) {
      fetched.push(offset / BLOCK_BYTES);
      await Promise.resolve();
      if (trouble.isAway) throw new Error('away');
      return content.subarray(offset, offset + bytes);
    },
  });
  return { cache, fetched, trouble };
}

describe('blocks of a file far away', () => {
  test('give any run of bytes as it is there', async () => {
    const { cache } = cacheOf(2 * BLOCK_BYTES);
    const run = fc.nat({ max: SIZE }).chain((offset) => fc.tuple(fc.constant(offset), fc.nat({ max: SIZE - offset })));
    await fc.assert(
      fc.asyncProperty(run, async ([offset, bytes]) => {
        expect(content.subarray(offset, offset + bytes).equals(await cache.read(file, offset, bytes))).toBe(true);
      }),
      { numRuns: 60, examples: [[[0, SIZE]], [[SIZE, 0]], [[BLOCK_BYTES - 1, 2]], [[SIZE - 1, 1]]] },
    );
  });

  test('are fetched once for all who read them at the time, and afterwards', async () => {
    const { cache, fetched } = cacheOf(4 * BLOCK_BYTES);
    await Promise.all([cache.read(file, 0, 10), cache.read(file, 100, 10), cache.read(file, BLOCK_BYTES, 10)]);
    await cache.read(file, 5_000, 10);
    expect(fetched).toEqual([0, 1]);
  });

  test('make room for others, those used longest ago first', async () => {
    const { cache, fetched } = cacheOf(2 * BLOCK_BYTES);
    for (const block of [0, 1, 0, 2, 0, 1]) await cache.read(file, block * BLOCK_BYTES, 1);
    expect(fetched).toEqual([0, 1, 2, 1]);
  });

  test('that could not be fetched are fetched again', async () => {
    const { cache, fetched, trouble } = cacheOf(4 * BLOCK_BYTES);
    trouble.isAway = true;
    await expect(cache.read(file, 0, 10)).rejects.toThrow('away');
    trouble.isAway = false;
    expect((await cache.read(file, 0, 10)).length).toBe(10);
    expect(fetched).toEqual([0, 0]);
  });

  test('are fetched anew when the file is another one, and do not go beyond its end', async () => {
    const { cache, fetched } = cacheOf(4 * BLOCK_BYTES);
    await cache.read(file, 0, 10);
    cache.forget('recordings/two/');
    await cache.read(file, 0, 10);
    expect(fetched).toEqual([0]);
    cache.forget('recordings/one/');
    await cache.read(file, 0, 10);
    expect(fetched).toEqual([0, 0]);
    await expect(cache.read(file, SIZE - 5, 10)).rejects.toThrow(`has ${SIZE} bytes`);
  });
});
