/** Runs the tests of some projects in a process of their own and writes what came of it to a file: `run-tests.ts <file> <project>…`. */
import { writeFile } from 'node:fs/promises';
import { startVitest } from 'vitest/node';
import { OutcomeReporter } from './test-outcome.ts';

const [file = '', ...projects] = process.argv.slice(2);
const reporter = new OutcomeReporter(process.cwd());
const vitest = await startVitest([], { project: projects, watch: false, reporters: ['default', reporter] });
await writeFile(file, JSON.stringify(reporter.outcome));
await vitest.exit();
