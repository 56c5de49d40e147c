/** The order of test files that run two at a time within bounds: who is beside whom is not left to the size of files or to what they took before. */
import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Starts that compute much come first, beside the checks. DASH players, which are as far behind as they were when they learned the time, begin beside what computes
 * least; lip sync, which a busy processor spoils, is alone for its last seconds.
 */
const PACED = ['recording', 'firefox', 'live-edge', 'dash-latency', 'lip-sync', 'webrtc-outages'].map((name) => `${name}.paced.test.ts`);

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
