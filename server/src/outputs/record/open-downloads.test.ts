import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import type { Download } from './download.ts';
import { OpenDownloads } from './open-downloads.ts';

const MEDIA = { kind: 'video', path: 'video/media-0.m4s', offset: 0, bytes: 10 } as const;

function downloads(max: number) {
  const clock = new FakeClock();
  const open = new OpenDownloads(clock, max);
  const made: string[] = [];
  const hold = (id: string) =>
    open.hold(id, async (): Promise<Download> => {
      made.push(id);
      return { head: Buffer.from(id), media: [MEDIA], size: id.length + 10 };
    });
  return { clock, open, made, hold };
}

test('a header is made once for all who ask, and again when it is old or the recording changed', async () => {
  const { clock, open, made, hold } = downloads(4);
  using first = hold('a');
  using second = hold('a');
  expect(await first?.open()).toMatchObject({ size: 11 });
  expect([...((await second?.open())?.extents ?? [])]).toEqual([{ data: Buffer.from('a'), bytes: 1 }, MEDIA]);
  expect(made).toEqual(['a']);
  clock.advance(5 * 60_000);
  using _third = hold('a');
  open.forget('a');
  using _fourth = hold('b');
  expect(made).toEqual(['a', 'a', 'b']);
});

test('there are no more than there may be: those that nobody needs make room, others are refused until they are sent', async () => {
  const { open, hold } = downloads(2);
  const first = hold('a');
  const second = hold('b');
  expect(hold('c')).toBeUndefined();
  // Also those of recordings that were forgotten meanwhile.
  open.forget('a');
  expect(hold('c')).toBeUndefined();
  const { extents } = (await first?.open()) ?? {};
  const sending = extents?.[Symbol.iterator]();
  sending?.next();
  expect(hold('c')).toBeUndefined();
  // The header is through; the media behind it takes hours.
  expect(sending?.next().value).toEqual(MEDIA);
  const third = hold('c');
  expect(third).toBeDefined();
  expect(hold('d')).toBeUndefined();
  first?.[Symbol.dispose]();
  expect(hold('d')).toBeUndefined();
  second?.[Symbol.dispose]();
  expect(hold('d')).toBeDefined();
});
