/** The part of the page on ladders. */
import { type Judged, verdict } from '../budget.ts';
import { fixed, heading, section, table, times } from '../report-text.ts';
import type { LadderCost } from './cost.ts';
import type { LadderStart } from './start.ts';
import { TIERS } from './tiers.ts';

export function ladderPart(costs: readonly LadderCost[], start: LadderStart | undefined): string[] {
  return [...cost(costs), ...starts(start)];
}

function cost(costs: readonly LadderCost[]): string[] {
  const peer = costs.find(({ who }) => who === 'ffmpeg');
  if (!peer) return heading('Smaller pictures');
  const rows = costs.map(({ who, cpuPercent }) => [who, `${fixed(cpuPercent, 1)} %`, times(cpuPercent / peer.cpuPercent)]);
  const sizes = TIERS.map(({ height, kilobits }) => `${height}p at ${kilobits} kbit/s`).join(', ');
  return section(
    'Smaller pictures, of 720p30 at 2.5 Mbit/s',
    table(['who makes them', 'CPU of a core', 'to ffmpeg'], rows),
    `${sizes}, at most; x264 veryfast for low latency, quality 23, key frames where the source has them, a thread for each. Millrace: what the server needs more with them than without, packaging and disk included. ffmpeg throws away what comes out.`,
  );
}

function starts(start: LadderStart | undefined): string[] {
  if (!start) return [];
  const format = (value: number): string => `${fixed(value, 2)} s`;
  const judged: Judged[] = [
    { what: 'the first of a server', measured: start.firstMs / 1000, budget: 2, bound: 'most', format },
    { what: 'the slowest after it', measured: start.worstMs / 1000, budget: 2, bound: 'most', format },
  ];
  return section(
    'From the first viewer to the first part of a tier',
    table(
      ['of a server', 'measured'],
      judged.map(({ what, measured }) => [what, format(measured)]),
    ),
    verdict('2 s, with a key frame a second', judged),
  );
}
