import { expect, it } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { BatchWriter } from './batch-writer.ts';

interface Row {
  readonly id: string;
  readonly value: number;
}

function world(write: (rows: readonly Row[]) => Promise<void>) {
  const clock = new FakeClock();
  const logged: string[] = [];
  const note = (_fields: object, message: string) => logged.push(message);
  const log: Log = { error: note, warn: note, info: note, debug: note, child: () => log };
  const writer = new BatchWriter<Row>({ clock, log, name: 'rows', keyOf: (row) => row.id, write });
  return { clock, logged, writer };
}

it('writes the newest state of each row, together, when its time comes', async () => {
  const written: (readonly Row[])[] = [];
  const { clock, writer } = world(async (rows) => void written.push(rows));
  writer.start();
  writer.put({ id: 'a', value: 1 });
  writer.put({ id: 'b', value: 1 });
  writer.put({ id: 'a', value: 2 });
  clock.advance(5_000);
  await writer.flush();
  expect(written).toEqual([
    [
      { id: 'b', value: 1 },
      { id: 'a', value: 2 },
    ],
  ]);
  expect(writer.pending).toEqual([]);
});

it('keeps rows that could not be written and those that changed meanwhile', async () => {
  let isAway = true;
  const written: Row[] = [];
  const { logged, writer } = world(async (rows) => {
    if (isAway) throw new Error('away');
    const [first] = rows;
    if (first?.value === 1) writer.put({ id: first.id, value: 2 });
    written.push(...rows);
  });
  writer.put({ id: 'a', value: 1 });
  await writer.flush();
  expect(writer.pending).toEqual([{ id: 'a', value: 1 }]);
  expect(logged).toEqual(['rows could not be written, trying again']);
  isAway = false;
  await writer.flush();
  expect(written).toEqual([
    { id: 'a', value: 1 },
    { id: 'a', value: 2 },
  ]);
});

it('writes in batches of a bounded size, and everything when it is closed', async () => {
  const sizes: number[] = [];
  const { writer } = world(async (rows) => void sizes.push(rows.length));
  for (let i = 0; i < 1200; i++) writer.put({ id: `${i}`, value: i });
  await writer.close();
  expect(sizes).toEqual([500, 500, 200]);
});

it('loses the oldest when the database stays away, counts them, and says at the end what was not written', async () => {
  const { logged, writer } = world(() => Promise.reject(new Error('away')));
  for (let i = 0; i < 10_010; i++) writer.put({ id: `${i}`, value: i });
  expect(writer.dropped).toBe(10);
  expect(writer.pending[0]).toEqual({ id: '10', value: 10 });
  await writer.close();
  expect(logged.at(-1)).toBe('rows were not written before the stop');
});
