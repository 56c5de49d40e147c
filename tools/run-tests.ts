/** Runs one project's tests in a process of its own and writes what came of it to a file: `run-tests.ts <project> <file>`. */
import { writeFile } from 'node:fs/promises';
import { startVitest } from 'vitest/node';
import { OutcomeReporter } from './test-outcome.ts';

const [project = '', file = ''] = process.argv.slice(2);
const reporter = new OutcomeReporter(process.cwd());
const vitest = await startVitest([], { project: [project], watch: false, reporters: ['default', reporter] });
await writeFile(file, JSON.stringify(reporter.outcome));
await vitest.exit();
