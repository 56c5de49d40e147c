import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startVitest } from 'vitest/node';
import { OutcomeReporter } from './test-outcome.ts';

const FILES = {
  'mixed.test.ts': `
    let tries = 0;
    describe('a group', () => {
      test('passes', () => {});
      test('fails', () => { throw new Error('no'); });
      test.skip('rests', () => {});
      test('passes in the end', { retry: 1 }, () => { if (tries++ === 0) throw new Error('not yet'); });
    });
    describe('a group without its ground', () => {
      beforeAll(() => { throw new Error('the ground is missing\\nand more'); });
      test('is not run', () => {});
    });`,
  'broken.test.ts': "throw new Error('this file does not load');",
  'late.test.ts': "test('leaves something behind', async () => { setTimeout(() => { throw new Error('too late'); }); await new Promise((done) => setTimeout(done, 50)); });",
};

test('names what failed and of what, outside of tests too, and what passed only when it was tried again', { timeout: 60_000 }, async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-outcome-'));
  try {
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(root, name), text);
    const reporter = new OutcomeReporter(root);
    const exitCode = process.exitCode;
    const vitest = await startVitest([], { root, config: false, globals: true, watch: false, name: 'sample', reporters: [reporter] });
    await vitest.close();
    process.exitCode = exitCode;
    expect(reporter.outcome).toMatchObject({ passed: 3, failed: 1 });
    expect(reporter.outcome.retried).toEqual(['sample › mixed.test.ts › a group › passes in the end: not yet']);
    expect(reporter.outcome.failures.toSorted()).toEqual([
      'late.test.ts › outside its tests: too late',
      'sample › broken.test.ts: this file does not load',
      'sample › mixed.test.ts › a group without its ground: the ground is missing',
      'sample › mixed.test.ts › a group › fails: no',
    ]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
