/**
 * A worker: the process in which FFmpeg runs, so that what crashes it takes no server with it. Started by WorkerProcess with a socket
 * as file descriptor 3; ends when that does.
 */
import { flushCompileCache } from 'node:module';
import { Socket } from 'node:net';
import { Slabs } from '@millrace/media/slabs';
import { AV_LOG_FATAL } from 'node-av/constants';
import { Log } from 'node-av/lib';
import type { JobSpec } from '../job.ts';
import { type FromWorker, MessageReader, parseToWorker, type ToWorker, writeMessage } from '../wire.ts';
import { AudioTranscoder } from './audio-transcoder.ts';
import { Encoders } from './encoders.ts';
import { LadderTranscoder } from './ladder-transcoder.ts';
import { PictureTranscoder } from './picture-transcoder.ts';
import { Devices } from './surfaces.ts';
import type { Transcoder, TranscoderOutput } from './transcoder.ts';
import { VideoTranscoder } from './video-transcoder.ts';

/** So much that the server has yet to read, and no more work is taken on. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

class Worker {
  readonly #socket: Socket;
  readonly #reader = new MessageReader();
  readonly #memory = new Slabs();
  readonly #jobs = new Map<number, Transcoder>();
  readonly #devices = new Devices();
  /** Units worked off since the server was told, and what they took, by job. */
  readonly #done = new Map<number, { units: number; cpuMicros: number }>();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  start(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('drain', () => this.#socket.resume());
    // Nothing here is worth saving, and closing codecs in order would only take time.
    this.#socket.on('close', () => process.kill(process.pid, 'SIGKILL'));
    this.#socket.on('error', () => process.kill(process.pid, 'SIGKILL'));
  }

  #read(chunk: Uint8Array): void {
    this.#socket.cork();
    for (const message of this.#reader.push(chunk)) this.#obey(parseToWorker(message, this.#memory));
    for (const [job, done] of this.#done) this.#send({ type: 'done', job, ...done });
    this.#done.clear();
    this.#socket.uncork();
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.pause();
  }

  #obey(message: ToWorker): void {
    const { job } = message;
    switch (message.type) {
      case 'open':
        this.#attempt(job, () => {
          this.#jobs.get(job)?.close();
          this.#jobs.set(job, this.#open(message.spec, this.#outputOf(job)));
        });
        break;
      case 'unit': {
        const before = cpuMicros();
        this.#attempt(job, () => this.#jobs.get(job)?.unit(message.unit));
        const done = this.#done.get(job) ?? { units: 0, cpuMicros: 0 };
        this.#done.set(job, { units: done.units + 1, cpuMicros: done.cpuMicros + cpuMicros() - before });
        break;
      }
      case 'setOutputs':
        this.#jobs.get(job)?.setOutputs?.(message.wanted);
        break;
      case 'requestKeyFrame':
        this.#jobs.get(job)?.requestKeyFrame();
        break;
      case 'close':
        this.#close(job);
        break;
      case 'ping':
        this.#send({ type: 'pong', job, cpuMicros: cpuMicros() });
    }
  }

  /** A job that fails costs itself alone. */
  #attempt(job: number, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#close(job);
      this.#send({ type: 'failed', job, why: error instanceof Error ? error.message : String(error) });
    }
  }

  #close(job: number): void {
    this.#jobs.get(job)?.close();
    this.#jobs.delete(job);
  }

  #open(spec: JobSpec, output: TranscoderOutput): Transcoder {
    switch (spec.kind) {
      case 'audio':
        return new AudioTranscoder(spec, output);
      case 'video':
        return new VideoTranscoder(spec, output);
      case 'ladder':
        return new LadderTranscoder(spec, output, new Encoders(spec.encoder, this.#devices));
      case 'picture':
        return new PictureTranscoder(spec, output);
    }
  }

  #outputOf(job: number): TranscoderOutput {
    return {
      format: (format, output = 0) => this.#send({ type: 'format', job, output, format }),
      unit: (unit, output = 0) => this.#send({ type: 'unit', job, output, unit }),
    };
  }

  #send(message: FromWorker): void {
    this.#socket.write(writeMessage(message));
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

Log.setLevel(AV_LOG_FATAL);
new Worker(new Socket({ fd: 3, readable: true, writable: true })).start();
// Nothing is kept of a process that is killed.
flushCompileCache();
