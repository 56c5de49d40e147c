/** For tests: other people’s servers and receivers, and free ports for them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A program that runs until the test is over. */
export class Program implements Disposable {
  readonly #child: ChildProcess;
  readonly #out: Buffer[] = [];

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (bytes: Buffer) => this.#out.push(bytes));
    this.#child.stderr?.resume();
  }

  /** What it has written. */
  get output(): Buffer {
    return Buffer.concat(this.#out);
  }

  /** Gives what it writes to somebody else. */
  pipe(to: NodeJS.WritableStream): void {
    this.#child.stdout?.pipe(to);
  }

  /** Resolves with its first line. */
  async firstLine(): Promise<string> {
    while (!this.output.includes('\n')) await once(this.#child.stdout ?? this.#child, 'data');
    return this.output.toString().split('\n')[0] ?? '';
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    await once(this.#child, 'exit');
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

/** A UDP port that was free a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** A TCP port of the loopback interface that was free a moment ago. */
export async function freeTcpPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
