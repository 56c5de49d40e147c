/** The real server as its own process on free ports, with what it said. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { serverArgs, serverEnvironment } from '../../tools/launch/server.js';
import { Child, type Exit } from './child.ts';
import { ROOT, TemporaryFolder } from './folder.ts';

/** The budget is 2 s; a loaded test machine is given more, the budget itself has its own test. */
const READY_TIMEOUT_MS = 30_000;

/** Where the first start of a run left its data. */
export const PREPARED_DATA = 'MILLRACE_TEST_PREPARED_DATA';

/** A server's data, in which one has started before, while tests run; nothing yet elsewhere. */
export class DataFolder extends TemporaryFolder {
  readonly data: string;

  constructor() {
    super();
    this.data = join(this.path, 'data');
    const prepared = process.env[PREPARED_DATA];
    if (prepared) cpSync(prepared, this.data, { recursive: true });
  }
}

export interface ServerOptions {
  /** Kept after the server ends when given; else a folder of its own that goes with it. */
  readonly dataDir?: string;
  /** Over the defaults of startServer. */
  readonly env?: Readonly<Record<string, string>>;
  /** As on a machine of so much memory; this one's when left out. */
  readonly memoryBytes?: number;
}

export interface LogLine {
  readonly level: number | string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export class RunningServer implements AsyncDisposable {
  readonly child: Child;
  /** `http://127.0.0.1:…`, without a slash at its end. */
  readonly http: string;
  /** `https://127.0.0.1:…`. */
  readonly https: string;
  readonly rtmp: string;
  readonly addresses: ReadonlyMap<string, string>;
  readonly startMs: number;
  readonly #folder: DataFolder | undefined;

  constructor(child: Child, readyLine: string, startMs: number, folder: DataFolder | undefined) {
    this.child = child;
    this.addresses = parseReadyLine(readyLine);
    this.http = this.#address('http');
    this.https = this.#address('https');
    this.rtmp = this.#address('rtmp');
    this.startMs = startMs;
    this.#folder = folder;
  }

  get rtmpPort(): number {
    return Number(new URL(this.rtmp).port);
  }

  get httpPort(): number {
    return Number(new URL(this.http).port);
  }

  /** Everything it logged, parsed. */
  logs(): LogLine[] {
    return this.child.stderr.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  stop(): Promise<Exit> {
    return this.child.stop('SIGTERM');
  }

  /** As when the power fails. */
  async kill(): Promise<void> {
    this.child.signal('SIGKILL');
    await this.child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#folder?.[Symbol.dispose]();
  }

  #address(name: string): string {
    const address = this.addresses.get(name);
    if (!address) throw new Error(`the ready line has no ${name} address: ${[...this.addresses.keys()].join(', ')}`);
    return address.replace(/\/$/, '');
  }
}

/** Starts the server and waits for its ready line. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const folder = options.dataDir === undefined ? new DataFolder() : undefined;
  const started = performance.now();
  const child = spawnServer({ DATA_DIR: options.dataDir ?? folder?.data ?? '', ...options.env }, options.memoryBytes);
  try {
    const line = await child.line((text) => text.startsWith('ready '), READY_TIMEOUT_MS);
    return new RunningServer(child, line, performance.now() - started, folder);
  } catch (error) {
    await child.stop('SIGKILL');
    folder?.[Symbol.dispose]();
    throw error;
  }
}

/** The bare process, for starts that are to fail. */
export function spawnServer(env: Readonly<Record<string, string>>, memoryBytes?: number): Child {
  return new Child(process.execPath, serverArgs(memoryBytes), {
    cwd: ROOT,
    env: serverEnvironment({
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      // As `npm start` has it: what was compiled once is not compiled by each.
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      HOST: '127.0.0.1',
      PORT: '0',
      HTTPS_PORT: '0',
      RTMP_PORT: '0',
      RTMPS_PORT: '0',
      WEBRTC_PORT: '0',
      TURN_PORT: '0',
      TURNS_PORT: '0',
      GUESTS: 'publish',
      // Smaller pictures take a core and more; the test of them has them on.
      LADDER: 'off',
      LOG_LEVEL: 'debug',
      ...env,
    }),
  });
}

/** `ready http=http://… rtmp=rtmp://…` */
export function parseReadyLine(line: string): Map<string, string> {
  const pairs = line
    .split(' ')
    .slice(1)
    .map((pair): [string, string] => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
  return new Map(pairs);
}
