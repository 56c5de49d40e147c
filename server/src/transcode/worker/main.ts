/**
 * A worker: the process in which FFmpeg runs, so that what crashes it takes no server with it. Started by WorkerProcess with a socket
 * as file descriptor 3; ends when that does.
 */
import { Socket } from 'node:net';
import { AV_LOG_FATAL } from 'node-av/constants';
import { Log } from 'node-av/lib';
import type { JobSpec } from '../job.ts';
import { type FromWorker, MessageReader, parseToWorker, type ToWorker, writeMessage } from '../wire.ts';
import { AudioTranscoder } from './audio-transcoder.ts';
import type { Transcoder, TranscoderOutput } from './transcoder.ts';
import { VideoTranscoder } from './video-transcoder.ts';

/** So much that the server has yet to read, and no more work is taken on. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

class Worker {
  readonly #socket: Socket;
  readonly #reader = new MessageReader();
  readonly #jobs = new Map<number, Transcoder>();
  /** Units worked off since the server was told, by job. */
  readonly #done = new Map<number, number>();

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
    for (const message of this.#reader.push(chunk)) this.#obey(parseToWorker(message));
    for (const [job, units] of this.#done) this.#send({ type: 'done', job, units });
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
          this.#jobs.set(job, open(message.spec, this.#outputOf(job)));
        });
        break;
      case 'unit':
        this.#done.set(job, (this.#done.get(job) ?? 0) + 1);
        this.#attempt(job, () => this.#jobs.get(job)?.unit(message.unit));
        break;
      case 'requestKeyFrame':
        this.#jobs.get(job)?.requestKeyFrame();
        break;
      case 'close':
        this.#close(job);
        break;
      case 'ping': {
        const { user, system } = process.cpuUsage();
        this.#send({ type: 'pong', job, cpuMicros: user + system });
      }
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

  #outputOf(job: number): TranscoderOutput {
    return {
      format: (format) => this.#send({ type: 'format', job, format }),
      unit: (unit) => this.#send({ type: 'unit', job, unit }),
    };
  }

  #send(message: FromWorker): void {
    this.#socket.write(writeMessage(message));
  }
}

function open(spec: JobSpec, output: TranscoderOutput): Transcoder {
  return spec.kind === 'audio' ? new AudioTranscoder(spec, output) : new VideoTranscoder(spec, output);
}

Log.setLevel(AV_LOG_FATAL);
new Worker(new Socket({ fd: 3, readable: true, writable: true })).start();
