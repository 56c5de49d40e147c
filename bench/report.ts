/** The results as the page people read: bench/README.md. */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { DeliveryResult, HeldResult } from './delivery.ts';
import type { GlassResult } from './glass.ts';
import type { IngestResult } from './ingest.ts';
import type { RestingResult } from './resting.ts';

export interface BenchResults {
  readonly quick: boolean;
  readonly resting: RestingResult | undefined;
  readonly ingest: readonly IngestResult[];
  readonly delivery: readonly DeliveryResult[];
  readonly held: HeldResult | undefined;
  readonly glass: readonly GlassResult[];
}

export function writeReport(results: BenchResults, date: Date): string {
  return [
    '# How fast it is',
    '',
    'Written by `npm run bench -- --write`. Peers run on the same machine in the same run, so read the ratios before the figures.',
    '',
    `Measured on ${date.toISOString().slice(0, 10)}: ${machine()}.${results.quick ? ' **A quick run: too short to quote.**' : ''}`,
    '',
    ...resting(results.resting),
    ...ingest(results.ingest),
    ...delivery(results.delivery),
    ...held(results.held),
    ...glass(results.glass),
    ...method(),
  ].join('\n');
}

function resting(result: RestingResult | undefined): string[] {
  if (!result) return [];
  return section(
    'At rest',
    table(
      ['what', 'measured', 'budget'],
      [
        ['start to `ready`, new data folder', `${fixed(result.firstStartMs / 1000, 2)} s`, ''],
        ['start to `ready`, later', `${fixed(result.secondStartMs / 1000, 2)} s`, '≤ 2 s'],
        ['memory, idle, embedded database', `${fixed(result.idleMegabytes, 0)} MB`, '≤ 300 MB'],
        ['CPU, idle', `${fixed(result.idleCpuPercent, 2)} % of a core`, ''],
      ],
    ),
  );
}

function ingest(results: readonly IngestResult[]): string[] {
  if (results.length === 0) return [];
  const rows = results.map((result) => {
    const peer = results.find((other) => other.server === 'nginx-rtmp' && other.publishers === result.publishers);
    return [
      result.server,
      String(result.publishers),
      `${fixed(result.cpuPercentPerPublisher, 3)} %`,
      peer ? `${fixed(result.cpuPercentPerPublisher / peer.cpuPercentPerPublisher, 2)} ×` : '',
      `${fixed(result.memoryMegabytes, 0)} MB`,
      result.job,
    ];
  });
  return section(
    'RTMP publishers, 720p30 at 2.5 Mbit/s',
    table(['server', 'publishers', 'CPU of a core, each', 'to nginx-rtmp', 'memory of the server', 'what it makes of them'], rows),
    'Budget: no more CPU per publisher than nginx-rtmp, which writes plain HLS.',
  );
}

function delivery(results: readonly DeliveryResult[]): string[] {
  if (results.length === 0) return [];
  const rows = results.map((result) => [
    result.server,
    result.what === 'playlist' ? 'live playlist' : 'part or segment',
    `${fixed(result.bytes / 1024, 1)} KiB`,
    fixed(result.responsesPerSecond, 0),
    fixed(result.responsesPerCoreSecond, 0),
  ]);
  return section(
    'HLS responses over HTTP/1.1, 64 connections',
    table(['server', 'what', 'size', 'responses a second', 'a second of its CPU'], rows),
    'Budget: 10 000 part or playlist responses a second a core. nginx sends files of the kernel’s cache; its segments are whole ones and larger, which the size shows.',
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

function glass(results: readonly GlassResult[]): string[] {
  if (results.length === 0) return [];
  const rows = results.map((result) => [result.server, `${fixed(result.medianMs, 0)} ms`, `${fixed(result.p95Ms, 0)} ms`, `${fixed(result.firstFrameMs, 0)} ms`]);
  return section(
    'Glass to glass in Chromium, hls.js, x264 zerolatency with a key frame a second',
    table(['server', 'median', '95th percentile', 'first frame after the script starts'], rows),
    'Budget: 1.5 s median, first frame within 1 s. Read from a clock in the picture, encoder and browser included.',
  );
}

function method(): string[] {
  return [
    '## How it is measured',
    '',
    '- CPU is what the kernel’s scheduler counted for the server’s processes and threads, over wall time; load generators are other processes.',
    '- Publishers are `ffmpeg -re -c copy` of one file. Memory is resident memory of the whole server.',
    '- nginx-rtmp runs one worker with HLS in a temporary folder. node-media-server packages nothing, so it appears only among the publishers.',
    '',
  ];
}

function section(title: string, ...blocks: readonly string[]): string[] {
  return [`## ${title}`, '', ...blocks.flatMap((block) => [block, ''])];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function fixed(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replaceAll(',', ' ');
}

function machine(): string {
  const [first] = cpus();
  const system = /PRETTY_NAME="([^"]+)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  return `${cpus().length} cores of ${first?.model.trim() ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${system}, kernel ${release()}, Node ${process.version}`;
}
