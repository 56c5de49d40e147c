/** `npm run check` and `npm test`: every check and test there is, in one run, with one closing line of counts. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { installTestTools } from './test-tools.ts';

/** `held`: what a process prints is kept, for it runs beside another. */
type Output = 'shown' | 'held';

interface Outcome {
  passed: number;
  skipped: number;
  /** What failed, by name. */
  failed: string[];
}

/** The part of Vitest's JSON report that is read. */
interface Report {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly ancestorTitles: readonly string[]; readonly title: string; readonly status: string }[];
  }[];
}

/** Each is one check: a name and what Node runs. */
const CHECKS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off', '--error-on-warnings', '.']],
  ['types', ['node_modules/typescript/bin/tsc', '-p', '.']],
  ['generated files are current', ['tools/generate.ts', '--check']],
  ['no dead code', ['node_modules/knip/bin/knip.js']],
];

/** In this order: the cheap ones find most. Those that measure time come last, one file at a time. */
const PROJECTS = ['unit', 'integration', 'e2e', 'e2e-timed'];

/** Mostly waits: runs beside the first ones, and is over before this one begins. */
const LONG = { project: 'e2e-long', before: 'e2e' };

const mode = process.argv[2] === 'check' ? 'check' : 'test';
const only = process.argv.slice(3);
const total: Outcome = { passed: 0, skipped: 0, failed: [] };

for (const [name, args] of CHECKS) {
  const startedAt = performance.now();
  const { code } = await run(args, 'shown');
  console.log(`${code === 0 ? '✓' : '✗'} ${name} (${seconds(startedAt)} s)`);
  add({ passed: code === 0 ? 1 : 0, skipped: 0, failed: code === 0 ? [] : [name] });
}

if (mode === 'test') {
  await installTestTools((text) => console.log(text));
  const isWanted = (project: string) => only.length === 0 || only.includes(project);
  const long = isWanted(LONG.project) ? runTests(LONG.project, 'held') : undefined;
  for (const project of PROJECTS) {
    if (project === LONG.before) (await long)?.();
    if (isWanted(project)) (await runTests(project, 'shown'))();
  }
}

// At the end of a long log stands what to look for in it.
for (const name of total.failed) console.log(`✗ ${name}`);
console.log(`${total.passed} passed, ${total.failed.length} failed, ${total.skipped} skipped`);
process.exit(total.failed.length === 0 ? 0 : 1);

/** Resolves with what tells of the tests, and of all that they printed if that was held. */
async function runTests(project: string, output: Output): Promise<() => void> {
  const startedAt = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const file = join(folder, 'results.json');
  const { code, text } = await run(['node_modules/vitest/vitest.mjs', 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`], output);
  const report = await readFile(file, 'utf8').catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
  const outcome = outcomeOf(project, code, report);
  const took = seconds(startedAt);
  return () => {
    process.stdout.write(text);
    const { passed, failed } = outcome;
    console.log(`${failed.length === 0 ? '✓' : '✗'} ${project} tests: ${passed} passed, ${failed.length} failed (${took} s)`);
    add(outcome);
  };
}

function outcomeOf(project: string, code: number, text: string | undefined): Outcome {
  if (text === undefined) return { passed: 0, skipped: 0, failed: [`${project}: no report, the tests did not run to their end`] };
  const { numPassedTests, numPendingTests, numTodoTests, testResults }: Report = JSON.parse(text);
  const failed = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = `${project} › ${relative(process.cwd(), name)}`;
    const tests = assertionResults.filter((test) => test.status === 'failed').map(({ ancestorTitles, title }) => [file, ...ancestorTitles, title].join(' › '));
    return tests.length === 0 && status === 'failed' ? [`${file}: ${message.split('\n')[0]}`] : tests;
  });
  if (code !== 0 && failed.length === 0) failed.push(`${project}: an error outside every test, told above`);
  return { passed: numPassedTests, skipped: numPendingTests + numTodoTests, failed };
}

function add({ passed, skipped, failed }: Outcome): void {
  total.passed += passed;
  total.skipped += skipped;
  total.failed.push(...failed);
}

/** Resolves with the exit code, and with what it printed if that was held. */
function run(args: readonly string[], output: Output): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', output === 'held' ? 'pipe' : 'inherit', output === 'held' ? 'pipe' : 'inherit'] });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
    const end = (code: number | null) => resolve({ code: code ?? 1, text: Buffer.concat(chunks).toString() });
    child.on('error', () => end(1));
    child.on('close', end);
  });
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
