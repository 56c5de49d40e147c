/**
 * A process in which libavformat talks to one peer: what blocks or crashes it concerns nobody else, and killing it interrupts whatever it waits
 * for. Started for one task, gone with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CHILD_ENVIRONMENT } from '../../lib/child-environment.ts';
import { FromMediaProcess, type MediaTask, type ToMediaProcess } from './messages.ts';

const PROGRAM = fileURLToPath(new URL('./worker/main.ts', import.meta.url));

export interface MediaProcessListener {
  message(message: FromMediaProcess): void;
  /** It is gone without having been closed; how it ended. */
  gone(detail: string): void;
}

export class MediaProcess {
  readonly #child: ChildProcess;
  readonly #listener: MediaProcessListener;
  readonly #closed = Promise.withResolvers<void>();
  #isOver = false;

  constructor(task: MediaTask, listener: MediaProcessListener) {
    this.#listener = listener;
    // What libavformat complains of may hold addresses with passwords.
    const args = ['--max-old-space-size=128', '--max-semi-space-size=2', '--disable-warning=ExperimentalWarning', PROGRAM];
    const child = spawn(process.execPath, args, { env: CHILD_ENVIRONMENT, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced' });
    this.#child = child;
    child.on('error', (error) => {
      if (child.pid === undefined) this.#closed.resolve();
      this.#gone(error.message);
    });
    child.on('exit', (code, signal) => {
      this.#closed.resolve();
      this.#gone(`exit ${code ?? signal ?? 'unknown'}`);
    });
    child.on('message', (message) => this.#hear(message));
    this.send(task);
  }

  /** Resolves once the system has let go of it, or when it could not be started. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(message: ToMediaProcess): void {
    // A process that ends between two messages tells so itself.
    if (!this.#isOver && this.#child.connected) this.#child.send(message, () => {});
  }

  /** Kills it, whatever it does. The listener hears nothing more. */
  close(): void {
    this.#isOver = true;
    this.#child.kill('SIGKILL');
  }

  #hear(message: unknown): void {
    if (this.#isOver) return;
    const parsed = FromMediaProcess.safeParse(message);
    if (parsed.success) {
      this.#listener.message(parsed.data);
      return;
    }
    this.#child.kill('SIGKILL');
    this.#gone(`it said what nobody understands: ${parsed.error.issues[0]?.message ?? 'unknown'}`);
  }

  #gone(detail: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.gone(detail);
  }
}
