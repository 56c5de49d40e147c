/** The results as the parts of the page people read: bench/README.md. What misses its budget is said by the report itself. */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { type Judged, verdict } from './budget.ts';
import type { DeliveryResult, HeldResult } from './delivery.ts';
import type { GlassResult } from './glass.ts';
import type { IngestResult } from './ingest.ts';
import type { RecordingResult } from './kept/recording.ts';
import { recordingPart, rewindPart } from './kept/report.ts';
import type { RewindResult } from './kept/rewind.ts';
import type { LadderCost } from './ladder/cost.ts';
import { ladderPart } from './ladder/report.ts';
import type { LadderStart } from './ladder/start.ts';
import { fixed, heading, section, table, times } from './report-text.ts';
import type { RestingResult } from './resting.ts';
import type { WhepResult } from './whep.ts';

/** What can be measured by itself, in the order of the page. */
export const GROUPS = ['resting', 'ingest', 'delivery', 'whep', 'glass', 'ladder', 'rewind', 'recording'] as const;
export type Group = (typeof GROUPS)[number];

export interface BenchResults {
  readonly quick: boolean;
  resting: RestingResult | undefined;
  readonly ingest: IngestResult[];
  readonly delivery: DeliveryResult[];
  held: HeldResult | undefined;
  readonly whep: WhepResult[];
  readonly glass: GlassResult[];
  readonly ladder: LadderCost[];
  ladderStart: LadderStart | undefined;
  rewind: RewindResult | undefined;
  recording: RecordingResult | undefined;
  readonly failures: { readonly group: Group; readonly title: string; readonly message: string }[];
}

/** Before anything was measured. */
export function nothingMeasured(quick: boolean): BenchResults {
  return {
    quick,
    resting: undefined,
    ingest: [],
    delivery: [],
    held: undefined,
    whep: [],
    glass: [],
    ladder: [],
    ladderStart: undefined,
    rewind: undefined,
    recording: undefined,
    failures: [],
  };
}

/** Busier than this, it is the machine that is measured. */
const FULL_MACHINE_PERCENT = 95;

/** One part of the page for each of the groups. */
export function reportOf(results: BenchResults, groups: readonly Group[], date: Date): ReadonlyMap<Group, string> {
  return new Map(groups.map((group) => [group, [...PARTS[group](results), ...failures(results, group), measuredOn(results, date), ''].join('\n')]));
}

const PARTS = {
  resting: ({ resting: result }) => resting(result),
  ingest: (results) => ingest(results.ingest),
  delivery: (results) => [...delivery(results.delivery), ...held(results.held)],
  whep: (results) => whep(results.whep),
  glass: (results) => glass(results.glass),
  ladder: ({ ladder, ladderStart }) => ladderPart(ladder, ladderStart),
  rewind: ({ rewind }) => rewindPart(rewind),
  recording: ({ recording, rewind }) => recordingPart(recording, rewind?.recording),
} as const satisfies Record<Group, (results: BenchResults) => string[]>;

function failures({ failures }: BenchResults, group: Group): string[] {
  return failures.filter((failure) => failure.group === group).flatMap(({ title, message }) => [`**Not measured: ${title}.** ${message.split('\n')[0]}`, '']);
}

function measuredOn({ quick }: BenchResults, date: Date): string {
  return `Measured on ${date.toISOString().slice(0, 10)}: ${machine()}.${quick ? ' **A quick run: too short to quote.**' : ''}`;
}

function resting(result: RestingResult | undefined): string[] {
  if (!result) return heading('At rest');
  const start: Judged = { what: 'the later start', measured: result.secondStartMs / 1000, budget: 2, bound: 'most', format: (value) => `${fixed(value, 2)} s` };
  const memory: Judged = { what: 'memory', measured: result.idleMegabytes, budget: 300, bound: 'most', format: (value) => `${fixed(value, 0)} MB` };
  return section(
    'At rest',
    table(
      ['what', 'measured'],
      [
        ['start to `ready`, new data folder', `${fixed(result.firstStartMs / 1000, 2)} s`],
        ['start to `ready`, later', `${fixed(result.secondStartMs / 1000, 2)} s`],
        ['memory, idle, embedded database', `${fixed(result.idleMegabytes, 0)} MB`],
        ['CPU, idle', `${fixed(result.idleCpuPercent, 2)} % of a core`],
      ],
    ),
    verdict('`ready` within 2 s once installed, and 300 MB of memory', [start, memory]),
  );
}

function ingest(results: readonly IngestResult[]): string[] {
  if (results.length === 0) return heading('RTMP publishers');
  const ratioOf = (result: IngestResult): number | undefined => {
    const peer = results.find((other) => other.server === 'nginx-rtmp' && other.publishers === result.publishers);
    return peer && result.cpuPercentPerPublisher / peer.cpuPercentPerPublisher;
  };
  const rows = results.map((result) => {
    const ratio = ratioOf(result);
    return [
      result.server,
      String(result.publishers),
      `${fixed(result.cpuPercentPerPublisher, 3)} %`,
      ratio === undefined ? '' : times(ratio),
      `${fixed(result.memoryMegabytes, 0)} MB`,
      result.job,
    ];
  });
  const judged = results.flatMap((result): Judged[] => {
    const ratio = ratioOf(result);
    if (ratio === undefined || !isOurs(result)) return [];
    return [{ what: `${result.publishers} publisher${result.publishers === 1 ? '' : 's'}`, measured: ratio, budget: 1, bound: 'most', format: times }];
  });
  return section(
    'RTMP publishers, 720p30 at 2.5 Mbit/s',
    table(['server', 'publishers', 'CPU of a core, each', 'to nginx-rtmp', 'memory of the server', 'what it makes of them'], rows),
    verdict('no more CPU per publisher than nginx-rtmp, which writes plain HLS', judged),
  );
}

function delivery(results: readonly DeliveryResult[]): string[] {
  if (results.length === 0) return heading('HLS responses');
  const name = ({ what }: DeliveryResult) => (what === 'playlist' ? 'live playlist' : 'part or segment');
  const rows = results.map((result) => [
    result.server,
    name(result),
    `${fixed(result.bytes / 1024, 1)} KiB`,
    fixed(result.responsesPerSecond, 0),
    fixed(result.responsesPerCoreSecond, 0),
  ]);
  const judged = results
    .filter(isOurs)
    .map((result): Judged => ({ what: `the ${name(result)}`, measured: result.responsesPerCoreSecond, budget: 10_000, bound: 'least', format: (value) => fixed(value, 0) }));
  return section(
    'HLS responses over HTTP/1.1, 64 connections',
    table(['server', 'what', 'size', 'responses a second', 'a second of its CPU'], rows),
    'nginx sends files of the kernel’s cache; its segments are whole ones and larger, which the size shows.',
    verdict('10 000 part or playlist responses a second of CPU', judged),
  );
}

function held(result: HeldResult | undefined): string[] {
  if (!result) return [];
  return section(
    'Blocking playlist reloads held at once',
    table(
      ['held', 'answered', 'first to last answer', 'memory each'],
      [[String(result.held), String(result.answered), `${fixed(result.spreadMs, 0)} ms`, `${fixed(result.memoryKilobytesEach, 1)} KiB`]],
    ),
  );
}

function whep(results: readonly WhepResult[]): string[] {
  if (results.length === 0) return heading('WebRTC viewers');
  const rows = results.map((result) => {
    const peer = results.find((other) => other.server === 'Janus' && other.viewers === result.viewers);
    return [
      result.server,
      String(result.viewers),
      `${fixed(result.cpuPercentPerViewer, 3)} %`,
      `${fixed(result.microsPerPacket, 1)} µs`,
      peer ? times(result.microsPerPacket / peer.microsPerPacket) : '',
      `${fixed(result.megabitsPerViewerSecond, 2)} Mbit/s`,
      `${fixed(result.lossPercent, 2)} %`,
      fixed(result.dropped, 0),
      `${fixed(result.machinePercent, 0)} %`,
      result.from,
    ];
  });
  const judged = results
    .filter(isOurs)
    .map((result): Judged => ({ what: `${result.viewers} viewers`, measured: result.cpuPercentPerViewer, budget: 0.25, bound: 'most', format: (value) => `${fixed(value, 3)} %` }));
  const full = results.filter(({ machinePercent }) => machinePercent >= FULL_MACHINE_PERCENT);
  const leftBehind = results.filter(({ gone }) => gone > 0);
  return section(
    'WebRTC viewers, 720p30 at 2.5 Mbit/s, without sound',
    table(['server', 'viewers', 'CPU of a core, each', 'a packet', 'to Janus', 'came to each', 'lost', 'dropped', 'machine busy', 'it gets the pictures by'], rows),
    ...(full.length > 0
      ? [
          `Server and viewers together filled the machine, so that its limit is seen and not the server’s: ${full.map(({ server, viewers }) => `${server} with ${viewers}`).join(', ')}.`,
        ]
      : []),
    ...leftBehind.map(({ server, viewers, gone }) => `**Of ${server}’s ${viewers} viewers ${gone} lost their connection.**`),
    verdict('0.25 % of a core per viewer, the publisher and packaging included', judged),
  );
}

function glass(results: readonly GlassResult[]): string[] {
  if (results.length === 0) return heading('Glass to glass');
  const route = ({ from, to }: GlassResult) => `${FROM[from]} → ${TO[to]}`;
  const rows = results.map((result) => [result.server, route(result), `${fixed(result.medianMs, 0)} ms`, `${fixed(result.p95Ms, 0)} ms`, `${fixed(result.firstFrameMs, 0)} ms`]);
  const judged = results.filter(isOurs).flatMap((result): Judged[] => {
    const medianBudget = MEDIAN_BUDGET_MS[`${result.from}-${result.to}`];
    const format = (value: number) => `${fixed(value, 0)} ms`;
    return [
      ...(medianBudget === undefined ? [] : [{ what: `${route(result)}, median`, measured: result.medianMs, budget: medianBudget, bound: 'most' as const, format }]),
      { what: `${route(result)}, first frame`, measured: result.firstFrameMs, budget: FIRST_FRAME_BUDGET_MS[result.to], bound: 'most', format },
    ];
  });
  return section(
    'Glass to glass in Chromium',
    table(['server', 'route', 'median', '95th percentile', 'first frame after the script starts'], rows),
    'Read from a clock in the picture; encoder, loopback network and browser are included.',
    verdict('medians of 150 ms from WHIP to WHEP and 1.5 s from RTMP to LL-HLS; the first frame within 300 ms by WHEP, 1 s by LL-HLS', judged),
  );
}

const FROM = { rtmp: 'RTMP', whip: 'WHIP' } as const;
const TO = { hls: 'HLS', whep: 'WHEP' } as const;
const MEDIAN_BUDGET_MS: Readonly<Record<string, number>> = { 'whip-whep': 150, 'rtmp-hls': 1_500 };
const FIRST_FRAME_BUDGET_MS = { hls: 1_000, whep: 300 } as const;

function isOurs({ server }: { readonly server: string }): boolean {
  return server === 'Millrace';
}

function machine(): string {
  const [first] = cpus();
  const system = /PRETTY_NAME="([^"]+)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  return `${cpus().length} cores of ${first?.model.trim() ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${system}, kernel ${release()}, Node ${process.version}`;
}
