/** HLS responses a second a core, and blocking reloads held at once. */
import { join } from 'node:path';
import { Child, run } from '../e2e/harness/child.ts';
import { ROOT } from '../e2e/harness/folder.ts';
import { until } from '../e2e/harness/until.ts';
import { ensureTool } from '../tools/test-tools.ts';
import { lastMediaUrl, mediaPlaylistUrl } from './playlist-links.ts';
import { costOf } from './process-cost.ts';
import type { BenchServerKind } from './servers/bench-server.ts';
import { publishSource } from './source.ts';

const CONNECTIONS = 64;

export interface DeliveryResult {
  readonly server: string;
  readonly what: 'playlist' | 'media';
  readonly bytes: number;
  readonly responsesPerSecond: number;
  /** Responses divided by the CPU seconds the server spent on them. */
  readonly responsesPerCoreSecond: number;
}

export interface HeldResult {
  readonly held: number;
  readonly answered: number;
  /** From the first answer to the last: how long the update takes to reach everybody. */
  readonly spreadMs: number;
  readonly memoryKilobytesEach: number;
}

export interface DeliveryOptions {
  readonly source: string;
  readonly seconds: number;
  /** How many blocking reloads; nothing is held where the server has none. */
  readonly hold: number;
}

export async function measureDelivery(
  kind: BenchServerKind,
  { source, seconds, hold }: DeliveryOptions,
): Promise<{ readonly responses: DeliveryResult[]; readonly held: HeldResult | undefined }> {
  await ensureTool('wrk');
  await using server = await kind.start();
  const { publishUrl, hlsUrl } = await server.addStream();
  if (!hlsUrl) return { responses: [], held: undefined };
  await using _encoder = publishSource(source, publishUrl);
  const playlist = await until(() => mediaPlaylistUrl(hlsUrl), { what: `HLS of ${kind.name}`, timeoutMs: 20_000, everyMs: 200 });
  const media = await until(() => lastMediaUrl(playlist), { what: `a segment of ${kind.name}`, timeoutMs: 20_000, everyMs: 200 });
  const responses: DeliveryResult[] = [];
  for (const [what, url] of [
    ['playlist', playlist],
    ['media', media],
  ] as const) {
    const bytes = (await (await fetch(url)).arrayBuffer()).byteLength;
    const before = costOf(server.pid).cpuSeconds;
    const { requests, perSecond } = await load(url, seconds);
    const cpuSeconds = costOf(server.pid).cpuSeconds - before;
    responses.push({ server: kind.name, what, bytes, responsesPerSecond: perSecond, responsesPerCoreSecond: requests / cpuSeconds });
  }
  if (hold === 0) return { responses, held: undefined };
  return { responses, held: await holdReloads(server.pid, playlist, hold) };
}

async function load(url: string, seconds: number): Promise<{ requests: number; perSecond: number }> {
  const { stdout, stderr } = await run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, url], { timeoutMs: seconds * 1000 + 20_000 });
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!Number.isFinite(requests) || /Non-2xx/.test(stdout)) throw new Error(`wrk on ${url}: ${stdout}${stderr}`);
  return { requests, perSecond };
}

async function holdReloads(pid: number, playlist: string, count: number): Promise<HeldResult> {
  const before = costOf(pid).residentBytes;
  await using client = new Child(process.execPath, [join(ROOT, 'bench/reload-client.ts'), playlist, String(count)]);
  await client.line((line) => line.startsWith('waiting'), 60_000);
  const memoryKilobytesEach = (costOf(pid).residentBytes - before) / 1024 / count;
  const line = await client.line((text) => text.startsWith('{'), 60_000);
  const { answered, spreadMs } = parseReport(line);
  return { held: count, answered, spreadMs, memoryKilobytesEach };
}

function parseReport(line: string): { readonly answered: number; readonly spreadMs: number } {
  const report: { answered: number; spreadMs: number } = JSON.parse(line);
  return report;
}
