/** What a run of tests came to, as the end of a long log tells it: counts, what failed, what passed only when it was tried again. */
import type { Reporter, TestModule } from 'vitest/node';

export interface TestOutcome {
  passed: number;
  failed: number;
  skipped: number;
  /** A line for each with what it failed of, like `unit › server/src/lib/page.test.ts › a cursor is read back: expected 2 to be 3`. */
  readonly failures: string[];
  readonly retried: string[];
}

/** What Vitest knows of an error outside every test. */
interface LooseError {
  readonly message: string;
  readonly VITEST_TEST_PATH?: unknown;
}

export class OutcomeReporter implements Reporter {
  readonly #root: string;
  readonly #outcome: TestOutcome = { passed: 0, failed: 0, skipped: 0, failures: [], retried: [] };

  /** @param root what names of files begin behind. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Once the run is over. */
  get outcome(): TestOutcome {
    return this.#outcome;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly LooseError[]): void {
    for (const module of modules) this.#take(module);
    for (const { message, VITEST_TEST_PATH: path } of errors) {
      const where = typeof path === 'string' ? this.#name(path) : 'outside every file';
      this.#fail([where, 'outside its tests'], message);
    }
  }

  #take(module: TestModule): void {
    const outcome = this.#outcome;
    const file = `${module.project.name} › ${this.#name(module.moduleId)}`;
    for (const error of module.errors()) this.#fail([file], error.message);
    for (const suite of module.children.allSuites()) for (const error of suite.errors()) this.#fail([file, suite.fullName], error.message);
    for (const test of module.children.allTests()) {
      const { state, errors = [] } = test.result();
      const line = lineOf([file, test.fullName.replaceAll(' > ', ' › ')], errors[0]?.message);
      if (state === 'passed') outcome.passed++;
      else if (state === 'failed') outcome.failed++;
      else outcome.skipped++;
      if (state === 'failed') outcome.failures.push(line);
      else if (state === 'passed' && test.diagnostic()?.flaky) outcome.retried.push(line);
    }
  }

  #fail(where: readonly string[], message: string): void {
    this.#outcome.failures.push(lineOf(where, message));
  }

  #name(path: string): string {
    return path.startsWith(`${this.#root}/`) ? path.slice(this.#root.length + 1) : path;
  }
}

function lineOf(where: readonly string[], message = ''): string {
  const [first] = message.split('\n');
  return `${where.join(' › ')}${first ? `: ${first}` : ''}`;
}
