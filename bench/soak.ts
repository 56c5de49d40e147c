/**
 * `npm run soak`: one publisher, and viewers by WebRTC who come and go for half an hour. Samples the server's memory and says
 * whether it returned to its level. `--minutes 30 --viewers 50 --publisher rtmp|whip`. Ends with 1 when it did not.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Child } from '../e2e/harness/child.ts';
import { openBrowser } from '../e2e/harness/chromium.ts';
import { ROOT, TemporaryFolder } from '../e2e/harness/folder.ts';
import { PlayerPages } from '../e2e/harness/player-pages.ts';
import { until } from '../e2e/harness/until.ts';
import { costOf } from './process-cost.ts';
import type { BenchServer, BenchStream } from './servers/bench-server.ts';
import { MILLRACE } from './servers/millrace.ts';
import { judgeSoak, type MemorySample } from './soak-verdict.ts';
import { makeSource, publishSource } from './source.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, viewers: { type: 'string', default: '50' }, publisher: { type: 'string', default: 'rtmp' } },
});
const seconds = Number(values.minutes) * 60;
if (!(seconds >= 60) || !(Number(values.viewers) >= 1) || !['rtmp', 'whip'].includes(values.publisher)) {
  process.stderr.write('--minutes from 1 on, --viewers from 1 on, --publisher rtmp or whip\n');
  process.exit(2);
}

/** Memory is looked at this often, and this long after the last viewer left: by then collected and given back. */
const SAMPLE_SECONDS = 2;
const REST_SECONDS = 30;

/** Garbage lies about for as long as there is room for it: with little room, what is seen is what is used. */
const SMALL_MACHINE_BYTES = 2 ** 30;

/** Longer than HLS keeps media, whose memory would be taken for the viewers'. */
const WARM_SECONDS = 300;

/** Of visits. A viewer who gets the port of one who vanished a moment ago may not get in. */
const FAILURES_ALLOWED = 0.02;

await using server = await MILLRACE.start(SMALL_MACHINE_BYTES);
const stream = await server.addStream();
await using _publisher = values.publisher === 'whip' ? await publishByWhip(stream) : await publishByRtmp(stream);
await until(() => fetch(stream.hlsUrl).then(({ ok }) => ok), { what: 'the stream', timeoutMs: 30_000 });

// The first crowd brings the server to its level: compiled code, pools, the allocator's arenas, and the window of media that HLS keeps.
const sampled: MemorySample[] = [];
await crowd('warming up', WARM_SECONDS);
const level = await rest('level');
await crowd('coming and going', seconds);
const after = await rest('after');
const verdict = judgeSoak({ level, after, during: sampled });
process.stdout.write(`${verdict.text}\n`);
process.exitCode = verdict.returned ? 0 : 1;

/** Viewers who join, stay a while and leave, some of them without a word. */
async function crowd(title: string, forSeconds: number): Promise<void> {
  const script = join(ROOT, 'bench/webrtc/crowd.ts');
  await using viewers = new Child(process.execPath, [script, stream.whepUrl, values.viewers, String(Math.round(forSeconds))]);
  sampled.length = 0;
  const stopAt = performance.now() + forSeconds * 1000;
  while (performance.now() < stopAt) {
    await pause(SAMPLE_SECONDS);
    if (!viewers.running) break;
    sampled.push(memoryOf(server));
  }
  const told = await viewers.line((line) => line.startsWith('{'), 60_000);
  const { joined, failed, packets }: { joined: number; failed: number; packets: number } = JSON.parse(told);
  process.stdout.write(
    `${title}: ${joined} visits, ${failed} that failed, ${packets} packets counted; memory ${megabytes(Math.max(...sampled.map(({ bytes }) => bytes)))} at most\n`,
  );
  if (failed > joined * FAILURES_ALLOWED || packets === 0) throw new Error(`viewers could not watch: ${viewers.tail()}`);
}

/** The least that is seen after everybody left: what comes above it is garbage not collected yet. */
async function rest(title: string): Promise<number> {
  await until(async () => (await viewersOf(server.http)) === 0, { what: 'the server to notice that all viewers left', timeoutMs: 60_000, everyMs: 500 });
  let least = Number.POSITIVE_INFINITY;
  for (let rested = 0; rested < REST_SECONDS; rested += SAMPLE_SECONDS) {
    await pause(SAMPLE_SECONDS);
    least = Math.min(least, memoryOf(server).bytes);
  }
  process.stdout.write(`${title}: ${megabytes(least)} without viewers\n`);
  return least;
}

function memoryOf({ pid }: BenchServer): MemorySample {
  return { atSeconds: performance.now() / 1000, bytes: costOf(pid).residentBytes };
}

async function viewersOf(http: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return Number(/^millrace_webrtc_sessions\{protocol="whep"\} (\d+)/m.exec(text)?.[1]);
}

async function publishByRtmp({ publishUrl }: BenchStream): Promise<AsyncDisposable> {
  const folder = new TemporaryFolder();
  const encoder = publishSource(await makeSource(folder.path), publishUrl);
  return {
    async [Symbol.asyncDispose]() {
      await encoder.stop();
      folder[Symbol.dispose]();
    },
  };
}

async function publishByWhip({ whip }: BenchStream): Promise<AsyncDisposable> {
  if (!whip) throw new Error('this server takes nothing by WHIP');
  const pages = await PlayerPages.open();
  const browser = await openBrowser({ autoplay: 'allowed' });
  const page = await browser.newPage();
  await page.goto(pages.whipUrl(whip));
  return {
    async [Symbol.asyncDispose]() {
      await browser.close();
      await pages[Symbol.asyncDispose]();
    },
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}

function pause(forSeconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forSeconds * 1000));
}
