/**
 * `npm run bench`: measures Millrace beside its peers and prints the tables.
 * `--quick`: a smoke run of a minute. `--write`: into bench/README.md. `--only resting|ingest|delivery|glass`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, TemporaryFolder } from '../e2e/harness/folder.ts';
import { type DeliveryResult, type HeldResult, measureDelivery } from './delivery.ts';
import { type GlassResult, measureGlass } from './glass.ts';
import { type IngestResult, measureIngest } from './ingest.ts';
import { writeReport } from './report.ts';
import { measureResting } from './resting.ts';
import { MILLRACE } from './servers/millrace.ts';
import { NGINX_RTMP } from './servers/nginx-rtmp.ts';
import { NODE_MEDIA_SERVER } from './servers/node-media-server.ts';
import { makeSource } from './source.ts';

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false }, write: { type: 'boolean', default: false }, only: { type: 'string' } } });

/** A quick run proves that the bench works; a full one gives figures to quote. */
const PLAN = flags.quick
  ? { publishers: [1, 3], warmSeconds: 2, ingestSeconds: 3, loadSeconds: 2, hold: 100, restSeconds: 2, settleSeconds: 3, samples: 15, visits: 1 }
  : { publishers: [1, 10, 50], warmSeconds: 8, ingestSeconds: 30, loadSeconds: 10, hold: 5000, restSeconds: 15, settleSeconds: 15, samples: 200, visits: 5 };

using folder = new TemporaryFolder();
const source = await makeSource(folder.path);

const resting = wanted('resting') ? await step('at rest', () => measureResting(PLAN.restSeconds)) : undefined;

const ingest: IngestResult[] = [];
if (wanted('ingest')) {
  for (const publishers of PLAN.publishers) {
    for (const kind of [MILLRACE, NGINX_RTMP, NODE_MEDIA_SERVER]) {
      const options = { source, publishers, warmSeconds: PLAN.warmSeconds, seconds: PLAN.ingestSeconds };
      const result = await step(`${publishers} publishers, ${kind.name}`, () => measureIngest(kind, options));
      if (result) ingest.push(result);
    }
  }
}

const delivery: DeliveryResult[] = [];
let held: HeldResult | undefined;
if (wanted('delivery')) {
  for (const kind of [MILLRACE, NGINX_RTMP]) {
    const options = { source, seconds: PLAN.loadSeconds, hold: kind === MILLRACE ? PLAN.hold : 0 };
    const result = await step(`delivery, ${kind.name}`, () => measureDelivery(kind, options));
    delivery.push(...(result?.responses ?? []));
    held ??= result?.held;
  }
}

const glass: GlassResult[] = [];
if (wanted('glass')) {
  for (const kind of [MILLRACE, NGINX_RTMP]) {
    const result = await step(`glass to glass, ${kind.name}`, () => measureGlass(kind, PLAN));
    if (result) glass.push(result);
  }
}

const report = writeReport({ quick: flags.quick, resting, ingest, delivery, held, glass }, new Date());
process.stdout.write(`\n${report}`);
if (flags.write) writeFileSync(join(ROOT, 'bench/README.md'), report);

function wanted(part: string): boolean {
  return flags.only === undefined || flags.only === part;
}

// A measurement that fails is told and leaves its row out; the others go on, and the run as a whole has failed.
async function step<T>(title: string, measurement: () => Promise<T>): Promise<T | undefined> {
  process.stderr.write(`${title} …`);
  try {
    const result = await measurement();
    process.stderr.write(' done\n');
    return result;
  } catch (error) {
    process.stderr.write(` failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
    return undefined;
  }
}
