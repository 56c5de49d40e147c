/** `npm run check` and `npm test`: every check and test there is, in one run, with one closing line of counts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup, teardown } from '../e2e/harness/first-start.ts';
import { WASM_FLAGS } from './launch/server.js';
import { yieldProcessor } from './priority.ts';
import type { TestOutcome } from './test-outcome.ts';
import { installTestTools } from './test-tools.ts';

interface Running {
  /** `held`: what a process prints is kept until it ends, for it runs beside another. */
  readonly output: 'shown' | 'held';
  /** Takes what the others leave of the processor. */
  readonly yields: boolean;
}

const ALONE: Running = { output: 'shown', yields: false };

/** Each is one check: a name and what Node runs. */
const CHECKS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off', '--error-on-warnings', '.']],
  ['types', ['node_modules/typescript/bin/tsc', '-p', '.']],
  ['generated files are current', ['tools/generate.ts', '--check']],
  ['no dead code', ['node_modules/knip/bin/knip.js']],
];

interface Stage {
  readonly projects: readonly string[];
  /** Run at the same time, and are told of when all are done. */
  readonly beside: readonly string[];
  /** Those have what the others leave of the processor. */
  readonly yields: boolean;
}

/**
 * One after the other, but for what runs beside them, which goes on. What measures time leaves half of the processor idle: there is room for those that need no
 * browser, or hardly, and whose processes all yield (those of Chromium set priorities of their own). The long ones mostly wait.
 */
const STAGES: readonly Stage[] = [
  { projects: ['e2e-paced', 'e2e-timed'], beside: ['unit', 'integration', 'e2e-patient'], yields: true },
  { projects: ['e2e'], beside: ['e2e-long'], yields: false },
];

/** Those that lead a session, which a terminal's signal does not reach. */
const sessions = new Set<ChildProcess>();
process.once('exit', () => {
  for (const { pid, exitCode } of sessions) if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGINT');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(128 + constants.signals[signal]));

const mode = process.argv[2] === 'check' ? 'check' : 'test';
const only = process.argv.slice(3);
const total: TestOutcome = { passed: 0, failed: 0, skipped: 0, failures: [], retried: [] };

// Beside the first tests, and told when they end.
const checked = Promise.all(CHECKS.map(([name, args]) => check(name, args)));

if (mode === 'test') {
  await prepare();
  const others: Promise<() => void>[] = [];
  for (const stage of STAGES) {
    const [projects, beside] = [wanted(stage.projects), wanted(stage.beside)];
    if (beside.length > 0) others.push(runTests(beside, projects.length > 0 ? { output: 'held', yields: stage.yields } : ALONE));
    if (projects.length > 0) (await runTests(projects, ALONE))();
    else await Promise.all(others);
  }
  for (const tellOf of await Promise.all(others)) tellOf();
  teardown();
}
await checked;

for (const name of total.retried) console.log(`retried: ${name}`);
for (const name of total.failures) console.log(`✗ ${name}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

function wanted(projects: readonly string[]): readonly string[] {
  return projects.filter((project) => only.length === 0 || only.includes(project));
}

/** What all runs of tests need. */
async function prepare(): Promise<void> {
  const needsServer = STAGES.some(({ projects, beside }) => wanted([...projects, ...beside]).some((project) => project.startsWith('e2e')));
  // What fails here fails again in the first run that needs it, and is told.
  const started = needsServer ? setup().catch(() => {}) : undefined;
  await installTestTools((text) => console.log(text));
  await started;
}

/** Tells of it once it is over. */
async function check(name: string, args: readonly string[]): Promise<void> {
  const startedAt = performance.now();
  const { code, text } = await run(args, { output: 'held', yields: mode === 'test' });
  process.stdout.write(`${text}${code === 0 ? '✓' : '✗'} ${name} (${seconds(startedAt)} s)\n`);
  add(code === 0 ? { passed: 1 } : { failed: 1, failures: [name] });
}

function add({ passed = 0, failed = 0, skipped = 0, failures = [], retried = [] }: Partial<TestOutcome>): void {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  total.failures.push(...failures);
  total.retried.push(...retried);
}

/** With the embedded database as the server runs it. Resolves with what tells of the tests, and of all that they printed if that was held. */
async function runTests(projects: readonly string[], running: Running): Promise<() => void> {
  const name = projects.join(' and ');
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const file = join(folder, 'outcome.json');
  const { code, text } = await run([...WASM_FLAGS, 'tools/run-tests.ts', file, ...projects], running);
  const written = await readFile(file, 'utf8').catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
  const outcome = outcomeOf(name, code, written);
  const took = seconds(startedAt);
  return () => {
    process.stdout.write(text);
    console.log(`${outcome.failed === 0 ? '✓' : '✗'} ${name} tests: ${outcome.passed} passed, ${outcome.failed} failed (${took} s)`);
    add(outcome);
  };
}

function outcomeOf(name: string, code: number, written: string | undefined): TestOutcome {
  if (written === undefined) return { passed: 0, failed: 1, skipped: 0, failures: [`${name}: the run ended before its tests did`], retried: [] };
  const outcome: TestOutcome = JSON.parse(written);
  if (code === 0 || outcome.failed > 0) return outcome;
  // A file that does not load, or an error outside every test, fails the run without failing a test.
  return { ...outcome, failed: 1, failures: outcome.failures.length > 0 ? outcome.failures : [`${name}: the run failed, none of its tests did`] };
}

/** Resolves with the exit code, and with what it printed if that was held. */
function run(args: readonly string[], { output, yields }: Running): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    const held = output === 'held' ? 'pipe' : 'inherit';
    const child = spawn(process.execPath, args, { stdio: ['ignore', held, held], detached: yields });
    if (yields && child.pid !== undefined) {
      yieldProcessor(child.pid);
      sessions.add(child);
    }
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
    const end = (code: number | null) => {
      sessions.delete(child);
      resolve({ code: code ?? 1, text: Buffer.concat(chunks).toString() });
    };
    child.on('error', () => end(1));
    child.on('close', end);
  });
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
