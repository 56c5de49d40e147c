/** Folders of a test: one for its data that goes with it, and the one for what people look at afterwards. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Screenshots and measurements of the last run; not committed. */
export const OUTPUT = join(ROOT, 'e2e/output');

/** An empty folder that is removed with its scope. */
export class TemporaryFolder implements Disposable {
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'millrace-e2e-'));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A path inside the output folder, which exists from then on. */
export function outputFile(...names: string[]): string {
  const path = join(OUTPUT, ...names);
  mkdirSync(join(path, '..'), { recursive: true });
  return path;
}
