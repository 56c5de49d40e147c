/**
 * `npm run bench`: measures Millrace beside its peers and prints the tables; `npm run bench -- whep glass` only these groups.
 * `--quick`: a smoke run of a few minutes. `--write`: into bench/README.md, in place of what the same groups said before.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, TemporaryFolder } from '../e2e/harness/folder.ts';
import { measureDelivery } from './delivery.ts';
import { measureGlass, ROUTES } from './glass.ts';
import { measureIngest } from './ingest.ts';
import { measureRecording } from './kept/recording.ts';
import { measureRewind } from './kept/rewind.ts';
import { measureLadder } from './ladder/cost.ts';
import { measureLadderStart } from './ladder/start.ts';
import { GROUPS, type Group, nothingMeasured, reportOf } from './report.ts';
import { measureResting } from './resting.ts';
import { JANUS } from './servers/janus.ts';
import { mediamtx } from './servers/mediamtx.ts';
import { MILLRACE } from './servers/millrace.ts';
import { MILLRACE_RTC } from './servers/millrace-rtc.ts';
import { NGINX_RTMP } from './servers/nginx-rtmp.ts';
import { NODE_MEDIA_SERVER } from './servers/node-media-server.ts';
import { makeSource } from './source.ts';
import { measureWhep } from './whep.ts';
import { mergeReport } from './written-report.ts';

const { values: flags, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !GROUPS.some((group) => group === name));
if (unknown !== undefined) {
  process.stderr.write(`There is no group "${unknown}" to measure. There are: ${GROUPS.join(', ')}.\n`);
  process.exit(2);
}
const groups = GROUPS.filter((group) => positionals.length === 0 || positionals.includes(group));

/** A quick run proves that the bench works; a full one gives figures to quote. */
const PLAN = flags.quick
  ? {
      publishers: [1, 3],
      viewers: [20],
      warmSeconds: 2,
      ingestSeconds: 3,
      whepSeconds: 4,
      loadSeconds: 2,
      hold: 100,
      restSeconds: 2,
      settleSeconds: 3,
      samples: 15,
      visits: 1,
      ladderSeconds: 4,
      ladderVisits: 2,
      rewindMinutes: [2, 5],
      recordSeconds: 5,
    }
  : {
      publishers: [1, 10, 50],
      viewers: [100, 300, 600],
      warmSeconds: 60,
      ingestSeconds: 30,
      whepSeconds: 30,
      loadSeconds: 10,
      hold: 5000,
      restSeconds: 15,
      settleSeconds: 15,
      samples: 200,
      visits: 5,
      ladderSeconds: 60,
      ladderVisits: 6,
      rewindMinutes: [10, 30, 60, 120],
      recordSeconds: 60,
    };

using folder = new TemporaryFolder();
const sends = (['ingest', 'delivery', 'whep', 'ladder', 'recording'] as const).some((group) => groups.includes(group));
const source = sends ? await makeSource(folder.path) : '';

const MEASUREMENTS = {
  async resting() {
    const result = await step('resting', 'at rest', () => measureResting(PLAN.restSeconds));
    if (result) results.resting = result;
  },
  async ingest() {
    for (const publishers of PLAN.publishers) {
      for (const kind of [MILLRACE, NGINX_RTMP, NODE_MEDIA_SERVER]) {
        const options = { source, publishers, warmSeconds: PLAN.warmSeconds, seconds: PLAN.ingestSeconds };
        const result = await step('ingest', `${publishers} publishers, ${kind.name}`, () => measureIngest(kind, options));
        if (result) results.ingest.push(result);
      }
    }
  },
  async delivery() {
    for (const kind of [MILLRACE, NGINX_RTMP]) {
      const options = { source, seconds: PLAN.loadSeconds, hold: kind === MILLRACE ? PLAN.hold : 0 };
      const result = await step('delivery', `delivery, ${kind.name}`, () => measureDelivery(kind, options));
      results.delivery.push(...(result?.responses ?? []));
      results.held ??= result?.held;
    }
  },
  async whep() {
    const program = process.env['MEDIAMTX_BIN'];
    for (const viewers of PLAN.viewers) {
      for (const kind of [MILLRACE_RTC, JANUS, ...(program ? [mediamtx(program)] : [])]) {
        const options = { source, viewers, warmSeconds: PLAN.warmSeconds, seconds: PLAN.whepSeconds };
        const result = await step('whep', `${viewers} viewers, ${kind.name}`, () => measureWhep(kind, options));
        if (result) results.whep.push(result);
      }
    }
  },
  async glass() {
    for (const route of ROUTES) {
      const result = await step('glass', `glass to glass, ${route.server.name}, ${route.from} to ${route.to}`, () => measureGlass(route, PLAN));
      if (result) results.glass.push(result);
    }
  },
  async ladder() {
    const options = { source, warmSeconds: PLAN.warmSeconds, seconds: PLAN.ladderSeconds };
    const costs = await step('ladder', 'three tiers, Millrace and ffmpeg', () => measureLadder(options));
    results.ladder.push(...(costs ?? []));
    results.ladderStart = await step('ladder', 'start of the tiers', () => measureLadderStart({ source, visits: PLAN.ladderVisits }));
  },
  async rewind() {
    results.rewind = await step('rewind', 'two hours to go back', () => measureRewind(PLAN.rewindMinutes));
  },
  async recording() {
    results.recording = await step('recording', 'from stop to a recording', () => measureRecording({ source, seconds: PLAN.recordSeconds }));
    results.rewind ??= await step('recording', 'a recording of two hours', () => measureRewind(PLAN.rewindMinutes));
  },
} as const satisfies Record<Group, () => Promise<void>>;

const results = nothingMeasured(flags.quick);
for (const group of groups) await MEASUREMENTS[group]();

const report = reportOf(results, groups, new Date());
const page = join(ROOT, 'bench/README.md');
process.stdout.write(`\n${groups.map((group) => report.get(group)).join('\n')}`);
if (flags.write) writeFileSync(page, mergeReport(readFileSync(page, 'utf8'), report));

// A measurement that fails is told and leaves its row out; the others go on, and the run as a whole has failed.
async function step<T>(group: Group, title: string, measurement: () => Promise<T>): Promise<T | undefined> {
  process.stderr.write(`${title} …`);
  try {
    const result = await measurement();
    process.stderr.write(' done\n');
    return result;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(` failed: ${message}\n`);
    results.failures.push({ group, title, message });
    process.exitCode = 1;
    return undefined;
  }
}
