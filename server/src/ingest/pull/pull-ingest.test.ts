import { expect, test } from 'vitest';
import type { PullSource } from './source.ts';
import { PullStand } from './testing/pull-stand.ts';

const SOURCE: PullSource = { streamId: 'a', url: 'http://127.0.0.1:9/live.ts', mode: 'on-demand' };

/** A stand whose reads of the source are answered by the test, in any order. */
function standOf() {
  const reads: PromiseWithResolvers<PullSource | undefined>[] = [];
  const of = () => {
    const read = Promise.withResolvers<PullSource | undefined>();
    reads.push(read);
    return read.promise;
  };
  return { stand: new PullStand(SOURCE.url, { mode: 'on-demand', of }), answer: (read: number, source: PullSource | undefined) => reads[read]?.resolve(source) };
}

test('of several changes the last one counts, however long each takes to be read', async () => {
  const { stand, answer } = standOf();
  using _stand = stand;
  const set = stand.pull.sourceChanged('a');
  const removed = stand.pull.sourceChanged('a');
  answer(1, undefined);
  await removed;
  answer(0, SOURCE);
  await set;
  expect(stand.pull.states).toEqual([]);
  const back = stand.pull.sourceChanged('a');
  answer(2, SOURCE);
  await back;
  expect(stand.pull.states).toHaveLength(1);
});

test('a stream that is deleted while its source is read is not fetched', async () => {
  const { stand, answer } = standOf();
  using _stand = stand;
  const set = stand.pull.sourceChanged('a');
  stand.pull.streamDeleted('a');
  answer(0, SOURCE);
  await set;
  expect(stand.pull.states).toEqual([]);
});

test('what another server fetches now is let go', async () => {
  const { stand, answer } = standOf();
  using _stand = stand;
  const set = stand.pull.sourceChanged('a');
  answer(0, SOURCE);
  await set;
  await stand.pull.lookAgain();
  expect(stand.pull.states).toHaveLength(1);
  stand.source = undefined;
  await stand.pull.lookAgain();
  expect(stand.pull.states).toEqual([]);
});
