/** `npm run check` and `npm test`: every check and test there is, in one run, with one closing line of counts. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestOutcome } from './test-outcome.ts';
import { installTestTools } from './test-tools.ts';

/** Each is one check: a name and what Node runs. */
const CHECKS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off', '--error-on-warnings', '.']],
  ['types', ['node_modules/typescript/bin/tsc', '-p', '.']],
  ['generated files are current', ['tools/generate.ts', '--check']],
  ['no dead code', ['node_modules/knip/bin/knip.js']],
];

/** In this order: the cheap ones find most. Those that measure time come last, one file at a time. */
const PROJECTS = ['unit', 'integration', 'e2e', 'e2e-long', 'e2e-timed'] as const;

const mode = process.argv[2] === 'check' ? 'check' : 'test';
const only = process.argv.slice(3);
const total: TestOutcome = { passed: 0, failed: 0, skipped: 0, failures: [], retried: [] };

for (const [name, args] of CHECKS) {
  const startedAt = performance.now();
  const code = await run(args);
  console.log(`${code === 0 ? '✓' : '✗'} ${name} (${seconds(startedAt)} s)`);
  add(code === 0 ? { passed: 1 } : { failed: 1, failures: [name] });
}

if (mode === 'test') {
  await installTestTools((text) => console.log(text));
  for (const project of PROJECTS) {
    if (only.length > 0 && !only.includes(project)) continue;
    const startedAt = performance.now();
    const outcome = await runTests(project);
    console.log(`${outcome.failed === 0 ? '✓' : '✗'} ${project} tests: ${outcome.passed} passed, ${outcome.failed} failed (${seconds(startedAt)} s)`);
    add(outcome);
  }
}

for (const name of total.retried) console.log(`retried: ${name}`);
for (const name of total.failures) console.log(`✗ ${name}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

function add({ passed = 0, failed = 0, skipped = 0, failures = [], retried = [] }: Partial<TestOutcome>): void {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  total.failures.push(...failures);
  total.retried.push(...retried);
}

async function runTests(project: string): Promise<TestOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const file = join(folder, 'outcome.json');
  try {
    const code = await run(['tools/run-tests.ts', project, file]);
    const outcome: TestOutcome = JSON.parse(await readFile(file, 'utf8'));
    if (code === 0 || outcome.failed > 0) return outcome;
    // A file that does not load, or an error outside every test, fails the run without failing a test.
    return { ...outcome, failed: 1, failures: outcome.failures.length > 0 ? outcome.failures : [`${project}: the run failed, none of its tests did`] };
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: [`${project}: the run ended before its tests did`], retried: [] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
