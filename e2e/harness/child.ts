/** A child process with its output at hand, ended with the scope that started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { yieldProcessor, yieldsProcessor } from '../../tools/priority.ts';
import { until, within } from './until.ts';

/** Output kept per stream: enough to explain a failure, too little to hurt in a run of minutes. */
const MAX_LINES = 50_000;

/** How long a process may take over its own ending before it is killed. */
const STOP_GRACE_MS = 8_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Signals go to it and all that it started: an encoder must not outlive the process that feeds it. */
  readonly group?: boolean;
}

const running = new Set<Child>();
// An ending that no scope saw takes all with it.
process.once('exit', () => {
  for (const child of running) child.signal('SIGKILL');
});

export class Child implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #group: boolean;
  #exit: Exit | undefined;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    this.name = command.split('/').at(-1) ?? command;
    this.#group = options.group ?? false;
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? process.env,
      detached: this.#group,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#process = child;
    this.pid = child.pid ?? -1;
    if (this.#group && child.pid !== undefined && yieldsProcessor()) yieldProcessor(child.pid);
    const ended = Promise.withResolvers<Exit>();
    this.exited = ended.promise;
    child.once('error', (error) => {
      this.stderr.push(String(error));
      this.#exit = { code: -1, signal: null };
      ended.resolve(this.#exit);
    });
    // `close` rather than `exit`: all output has been read by then.
    child.once('close', (code, signal) => {
      this.#exit ??= { code, signal };
      running.delete(this);
      ended.resolve(this.#exit);
    });
    collect(child.stdout, this.stdout);
    collect(child.stderr, this.stderr);
    running.add(this);
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** The first line of stdout that passes, now or later. Fails early when the process ends first. */
  async line(passes: (line: string) => boolean, timeoutMs: number): Promise<string> {
    const found = await until(() => this.stdout.find(passes) ?? (this.running ? undefined : 'ENDED'), {
      what: `a line of ${this.name}`,
      timeoutMs,
      everyMs: 10,
      seen: () => this.tail(),
    });
    if (found === 'ENDED') throw new Error(`${this.name} ended (${JSON.stringify(this.#exit)}): ${this.tail()}`);
    return found;
  }

  /** The last lines of both outputs, for messages. */
  tail(): string {
    return [...this.stdout.slice(-10), ...this.stderr.slice(-15)].join('\n');
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#group) {
      this.#process.kill(signal);
      return;
    }
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The whole group has ended already.
    }
  }

  /** Asks it to end, kills it when it does not. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.#exit) return this.#exit;
    this.signal(signal);
    return within(this.exited, STOP_GRACE_MS, `${this.name} to end`).catch(() => {
      this.signal('SIGKILL');
      return this.exited;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Runs a command to its end and gives its whole output. */
export async function run(
  command: string,
  args: readonly string[],
  options: ChildOptions & { readonly timeoutMs?: number } = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  await using child = new Child(command, args, options);
  const exit = await within(child.exited, options.timeoutMs ?? 60_000, `${child.name} ${args.join(' ')}`);
  return { ...exit, stdout: child.stdout.join('\n'), stderr: child.stderr.join('\n') };
}

function collect(stream: NodeJS.ReadableStream | null, lines: string[]): void {
  if (!stream) return;
  createInterface({ input: stream }).on('line', (line) => {
    lines.push(line);
    if (lines.length > MAX_LINES) lines.shift();
  });
}
