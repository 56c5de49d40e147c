/** What three tiers of a picture cost: Millrace beside the ffmpeg command line with the same settings. */
import { Owner } from '../../e2e/harness/api.ts';
import { Child } from '../../e2e/harness/child.ts';
import { type RunningServer, startServer } from '../../e2e/harness/server.ts';
import { measure } from '../process-cost.ts';
import { publishSource } from '../source.ts';
import { ffmpegLadder, LADDER } from './tiers.ts';

/** Less of the source's time passed than of ours: the machine was too slow, and what it did not do costs nothing. */
const LEAST_PACE = 0.97;

export interface LadderCostOptions {
  readonly source: string;
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface LadderCost {
  readonly who: 'Millrace' | 'ffmpeg';
  /** Of one core. */
  readonly cpuPercent: number;
}

export async function measureLadder(options: LadderCostOptions): Promise<LadderCost[]> {
  const ours = await costOfMillrace(options);
  const ffmpeg = await costOfFfmpeg(options);
  return [
    { who: 'Millrace', cpuPercent: ours },
    { who: 'ffmpeg', cpuPercent: ffmpeg },
  ];
}

/** What the server needs more for a broadcast with tiers than for one without: their packaging and writing to disk are in it. */
async function costOfMillrace(options: LadderCostOptions): Promise<number> {
  await using server = await startServer({ env: { LOG_LEVEL: 'warn', LADDER } });
  const without = await shareWith(server, 'off', options);
  const withTiers = await shareWith(server, 'always', options);
  const metrics = await (await fetch(`${server.http}/metrics`)).text();
  const shed = /^millrace_transcode_incidents_total\{kind="shedTiers"\} (\d+)/m.exec(metrics)?.[1];
  if (shed !== '0') throw new Error(`the machine is too slow for this: tiers were given up ${shed ?? 'an unknown number of'} times`);
  return (withTiers - without) * 100;
}

async function shareWith(server: RunningServer, ladder: 'off' | 'always', { source, warmSeconds, seconds }: LadderCostOptions): Promise<number> {
  const owner = await Owner.guest(server.http);
  const { stream, streamKey } = await owner.create({ title: `Ladder ${ladder}`, ladder });
  await using _publisher = publishSource(source, `${server.rtmp}/${streamKey}`);
  await owner.untilStatus(stream.id, 'live', 15_000);
  await measure(server.child.pid, warmSeconds);
  const { share } = await measure(server.child.pid, seconds);
  await owner.stop(stream.id);
  return share;
}

async function costOfFfmpeg({ source, warmSeconds, seconds }: LadderCostOptions): Promise<number> {
  await using child = new Child('ffmpeg', ffmpegLadder(source));
  await measure(child.pid, warmSeconds);
  const [began, before] = [performance.now(), await passed(child)];
  const { share } = await measure(child.pid, seconds);
  const pace = ((await passed(child)) - before) / ((performance.now() - began) / 1000);
  if (pace < LEAST_PACE) throw new Error(`ffmpeg does not keep up: ${pace.toFixed(2)} s of the source in a second`);
  return share * 100;
}

/** Seconds of the source that it has done, which it says ten times a second. */
async function passed(child: Child): Promise<number> {
  await child.line((line) => line.startsWith('out_time_us='), 10_000);
  return Number(child.stdout.findLast((line) => line.startsWith('out_time_us='))?.slice('out_time_us='.length)) / 1e6;
}
