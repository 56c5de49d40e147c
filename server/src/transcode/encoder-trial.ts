/** Which encoder ladders use: the first in hardware that makes something of a picture, tried in a process of its own, else x264. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CHILD_ENVIRONMENT } from '../lib/child-environment.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { type EncoderSetting, X264 } from './job.ts';

const PROGRAM = fileURLToPath(new URL('./worker/trial.ts', import.meta.url));

/** Node and a driver start in a second, and in several where all cores are busy; what takes longer does not work. */
const TRIAL_MS = 10_000;

/** Of what FFmpeg and the driver complain about, for the log. */
const MAX_COMPLAINT = 500;

/** After this no other is tried: somebody may be waiting for smaller pictures. */
const ALL_TRIALS_MS = 20_000;

const DEVICES = '/dev/dri';

/** As many graphics cards are looked at. */
const MAX_CARDS = 4;

/** Where NVIDIA's driver is, under Linux and under Windows' Linux. */
const NVIDIA = ['/dev/nvidiactl', '/dev/dxg'];

export interface EncoderTrialDeps {
  /** In the order in which they are tried; none is also an answer. */
  readonly candidates: readonly EncoderSetting[];
  readonly clock: Clock;
  readonly log: Log;
  /** The script that tries. */
  readonly program?: string;
}

interface Refusal extends EncoderSetting {
  readonly why: string;
}

export class EncoderTrial {
  readonly #deps: EncoderTrialDeps;
  #encoder: EncoderSetting | undefined;
  #running: ChildProcess | undefined;
  #isStarted = false;
  #isClosed = false;

  constructor(deps: EncoderTrialDeps) {
    this.#deps = deps;
    if (deps.candidates.length === 0) this.#encoder = X264;
  }

  /** Undefined as long as it is not known, which is at most some seconds after `start`. */
  get encoder(): EncoderSetting | undefined {
    return this.#encoder;
  }

  /** Tries them, once. */
  start(): void {
    if (this.#isStarted || this.#encoder) return;
    this.#isStarted = true;
    // Nothing in it throws.
    void this.#tryAll();
  }

  close(): void {
    this.#isClosed = true;
    this.#running?.kill('SIGKILL');
  }

  async #tryAll(): Promise<void> {
    const { candidates, clock, log } = this.#deps;
    const refusals: Refusal[] = [];
    const beganAt = clock.monotonic();
    for (const candidate of candidates) {
      if (clock.monotonic() - beganAt >= ALL_TRIALS_MS) break;
      const why = await this.#try(candidate);
      if (this.#isClosed) return;
      if (why === undefined) {
        this.#encoder = candidate;
        log.info({ encoder: candidate, refusals }, 'smaller pictures are encoded in hardware');
        return;
      }
      refusals.push({ ...candidate, why });
    }
    this.#encoder = X264;
    log.warn({ refusals }, 'no encoder in hardware works: smaller pictures are encoded by x264');
  }

  /** Why it does not work; undefined when it does. */
  async #try(candidate: EncoderSetting): Promise<string | undefined> {
    const refused = candidate.device === null ? undefined : refusalOf(candidate.device);
    if (refused !== undefined) return refused;
    const { clock, program = PROGRAM } = this.#deps;
    const args = ['--disable-warning=ExperimentalWarning', program, JSON.stringify(candidate)];
    const child = spawn(process.execPath, args, { env: CHILD_ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running = child;
    let said = '';
    let complaint = '';
    child.stdout.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(0, MAX_COMPLAINT);
    });
    child.stderr.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(-MAX_COMPLAINT);
    });
    const ended = Promise.withResolvers<string>();
    child.on('error', (error) => ended.resolve(error.message));
    child.on('close', (code, signal) => ended.resolve(complaint.trim() || `it ended with ${code ?? signal ?? 'nothing'}`));
    // A process that hangs in a driver may not even be killed: it is not waited for.
    const timer = clock.after(TRIAL_MS, () => {
      child.kill('SIGKILL');
      ended.resolve(`nothing came of it within ${TRIAL_MS} ms`);
    });
    const why = await ended.promise;
    timer.cancel();
    this.#running = undefined;
    return said === 'works' ? undefined : why;
  }
}

/** What may be there by the look of the machine. On most servers: nothing. */
export function hardwareCandidates(platform: NodeJS.Platform): EncoderSetting[] {
  const nvenc: EncoderSetting = { name: 'nvenc', device: null };
  const qsv: EncoderSetting = { name: 'qsv', device: null };
  switch (platform) {
    case 'darwin':
      return [{ name: 'videotoolbox', device: null }];
    case 'win32':
      return [nvenc, qsv];
    case 'linux': {
      const cards = cardsOf(DEVICES);
      const vaapi = cards.map((device): EncoderSetting => ({ name: 'vaapi', device }));
      return [...(NVIDIA.some((path) => existsSync(path)) ? [nvenc] : []), ...(cards.length > 0 ? [qsv] : []), ...vaapi];
    }
    default:
      return [];
  }
}

/** The render nodes in a folder of devices. */
export function cardsOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^renderD\d+$/.test(name))
    .toSorted()
    .slice(0, MAX_CARDS)
    .map((name) => `${folder}/${name}`);
}

/** Why a device is not even tried: the server's user may not. */
function refusalOf(device: string): string | undefined {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
