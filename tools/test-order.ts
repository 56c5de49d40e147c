/** The order of test files that run two at a time within bounds: who is beside whom is not left to the size of files or to what they took before. */
import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The longest first, so that both sides end together. Lip sync, which a busy processor spoils, is beside what computes least; the outages, which compute most,
 * are not beside it.
 */
const PACED = ['live-edge', 'lip-sync', 'dash-latency', 'webrtc-outages', 'recording', 'firefox'].map((name) => `${name}.paced.test.ts`);

export class TestOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const paced = sorted.filter((file) => place(file) >= 0).sort((a, b) => place(a) - place(b));
    return sorted.map((file) => (place(file) < 0 ? file : (paced.shift() ?? file)));
  }
}

function place({ moduleId }: TestSpecification): number {
  return PACED.indexOf(basename(moduleId));
}
