/** `npm run check` and `npm test`: every check and test there is, in one run, with one closing line of counts. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installTestTools } from './test-tools.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

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
const total: Counts = { passed: 0, failed: 0, skipped: 0 };

for (const [name, args] of CHECKS) {
  const startedAt = performance.now();
  const code = await run(args);
  console.log(`${code === 0 ? '✓' : '✗'} ${name} (${seconds(startedAt)} s)`);
  if (code === 0) total.passed++;
  else total.failed++;
}

if (mode === 'test') {
  await installTestTools((text) => console.log(text));
  for (const project of PROJECTS) {
    if (only.length > 0 && !only.includes(project)) continue;
    const startedAt = performance.now();
    const counts = await runTests(project);
    console.log(`${counts.failed === 0 ? '✓' : '✗'} ${project} tests: ${counts.passed} passed, ${counts.failed} failed (${seconds(startedAt)} s)`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
}

console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

async function runTests(project: string): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const file = join(folder, 'results.json');
  try {
    const code = await run(['node_modules/vitest/vitest.mjs', 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]);
    const results: { numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number } = JSON.parse(await readFile(file, 'utf8'));
    const failed = results.numFailedTests;
    // A file that does not load, or an error outside every test, fails the run without failing a test.
    return { passed: results.numPassedTests, failed: code !== 0 && failed === 0 ? 1 : failed, skipped: results.numPendingTests + results.numTodoTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
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
