import { defineConfig } from 'vitest/config';
import { WASM_FLAGS } from './tools/launch/server.js';
import { TestOrder } from './tools/test-order.ts';

/** Encoders, browsers, databases and networks of real time on a machine that may stall: what fails is tried once more, and the report names it. */
const REAL_TIME = { exclude: ['**/node_modules/**'], retry: 1 };

/** Half of them wait for encoders, databases and clocks as much as they compute: the others compute meanwhile. */
const NODE_WORKERS = 3;

const E2E = { ...REAL_TIME, globalSetup: 'e2e/harness/first-start.ts', testTimeout: 240_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    // Of the tests of a file that say they mind no company.
    maxConcurrency: 2,
    sequence: { sequencer: TestOrder },
    projects: [
      {
        test: {
          name: 'unit',
          // Property tests take their time on a busy machine; none waits for a clock.
          testTimeout: 60_000,
          // Nothing here has state of its own: to load modules once for all files instead of once for each is half of what these tests took.
          isolate: false,
          maxWorkers: NODE_WORKERS,
          include: ['{contract,media,server,client,web,tools,bench}/**/*.test.{ts,tsx}'],
          exclude: ['**/node_modules/**', '**/*.integration.test.ts'],
        },
      },
      {
        test: {
          ...REAL_TIME,
          name: 'integration',
          include: ['{server,media}/**/*.integration.test.ts'],
          globalSetup: 'server/src/store/testing/prepared-data.ts',
          // The embedded database as the server runs it.
          execArgv: [...WASM_FLAGS],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // As above: a sixth of what they took.
          isolate: false,
          maxWorkers: NODE_WORKERS,
        },
      },
      {
        test: {
          ...E2E,
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.{patient,paced,timed,long}.test.ts'],
          // Three at a time take as long, for both of two cores are busy, and starve each other: layers and sizes are given up.
          maxWorkers: 2,
        },
      },
      {
        // Hardly a browser, and nothing that has to come in time.
        test: { ...E2E, name: 'e2e-patient', include: ['e2e/**/*.patient.test.ts'], maxWorkers: NODE_WORKERS },
      },
      {
        // Minutes in which little is computed: one of them takes as long as the others together.
        test: { ...E2E, name: 'e2e-long', include: ['e2e/**/*.long.test.ts'], maxWorkers: 2 },
      },
      {
        // Most of two cores is idle while media play: two of them at a time have what they need.
        test: { ...E2E, name: 'e2e-paced', include: ['e2e/**/*.paced.test.ts'], maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        // One at a time: what they measure is the machine's as well.
        test: { ...E2E, name: 'e2e-timed', include: ['e2e/**/*.timed.test.ts'], maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
