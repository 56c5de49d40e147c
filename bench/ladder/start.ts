/** How long the first viewer of a broadcast waits for its tiers: from the request for the playlist of all to the first part of one. */
import { Owner } from '../../e2e/harness/api.ts';
import { startServer } from '../../e2e/harness/server.ts';
import { until } from '../../e2e/harness/until.ts';
import { measure } from '../process-cost.ts';
import { publishSource } from '../source.ts';
import { LADDER } from './tiers.ts';

export interface LadderStart {
  /** The first of a server, which has no process for it yet. */
  readonly firstMs: number;
  /** Of those after it. */
  readonly worstMs: number;
}

/** A publisher has been on for so long before anybody comes. */
const ON_AIR_SECONDS = 3;

export async function measureLadderStart({ source, visits }: { readonly source: string; readonly visits: number }): Promise<LadderStart> {
  await using server = await startServer({ env: { LOG_LEVEL: 'warn', LADDER } });
  const waits: number[] = [];
  for (let visit = 0; visit < visits; visit++) {
    const owner = await Owner.guest(server.http);
    const { stream, streamKey, playback } = await owner.create({ title: 'Ladder', ladder: 'auto' });
    await using _publisher = publishSource(source, `${server.rtmp}/${streamKey}`);
    await owner.untilStatus(stream.id, 'live', 15_000);
    await measure(server.child.pid, ON_AIR_SECONDS);
    waits.push(await waitFor(playback.hls));
    await owner.stop(stream.id);
  }
  const [firstMs = Number.NaN, ...later] = waits;
  return { firstMs, worstMs: Math.max(...later) };
}

async function waitFor(hls: string): Promise<number> {
  const began = performance.now();
  const all = await (await fetch(hls)).text();
  const tier = all.split('\n').findLast((line) => /^\d+p\//.test(line));
  if (!tier) throw new Error(`no tier is listed: ${all}`);
  const url = new URL(tier, hls);
  await until(async () => (await (await fetch(url)).text()).includes('#EXT-X-PART:'), { what: 'the first part of a tier', timeoutMs: 30_000, everyMs: 10 });
  return performance.now() - began;
}
