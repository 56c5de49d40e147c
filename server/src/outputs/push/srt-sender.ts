/** Carries units to an SRT listener, as MPEG-TS, through a media process of its own. */
import { isIPv6 } from 'node:net';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { PublicAddresses } from '../../lib/public-address.ts';
import type { MediaProcess } from '../../transports/ffmpeg/media-process.ts';
import type { MediaProcesses } from '../../transports/ffmpeg/media-processes.ts';
import type { FromMediaProcess, MuxTrack } from '../../transports/ffmpeg/messages.ts';
import { explained } from './explained.ts';
import { type OpeningSender, type OpenRequest, publicAddressOf, type Sender, type SenderKind, whenOpen } from './sender.ts';
import { type PushTarget, TargetFailed } from './target.ts';

/** From the first packet to the connection, with the start of a process on a busy machine. */
const OPEN_TIMEOUT_MS = 20_000;

const STALL_TIMEOUT_MS = 15_000;
const GOODBYE_MS = 1_000;

/** With the process and not yet written: a second of pictures and sound. */
const MAX_UNWRITTEN_UNITS = 120;

/** What a network needs to send again what was lost: the delay that SRT adds. */
const LATENCY_MICROS = 200_000;

/** Of a packet: what fits into an Ethernet frame, in whole packets of MPEG-TS. */
const PAYLOAD_BYTES = 1_316;

const CARRIED: readonly Track['codec'][] = ['h264', 'hevc', 'aac', 'mp3', 'ac3', 'eac3'];

export interface SrtSenderDeps {
  readonly addresses: Pick<PublicAddresses, 'resolvePublic'>;
  readonly clock: Clock;
  readonly processes: Pick<MediaProcesses, 'open'>;
}

/** SRT as a kind of sender. */
export function srtSenders(deps: SrtSenderDeps): SenderKind {
  return { carries: ({ codec }) => CARRIED.includes(codec), open: (request) => open(request, deps) };
}

async function open({ target, tracks, signal }: OpenRequest, { addresses, clock, processes }: SrtSenderDeps): Promise<Sender> {
  const address = await publicAddressOf(target, signal, addresses);
  return whenOpen(begin({ target, address, tracks, clock, processes }), signal);
}

function begin(connection: SrtConnection): SrtSender {
  try {
    return new SrtSender(connection);
  } catch (error) {
    throw explained(error, connection.target);
  }
}

interface SrtConnection extends Omit<SrtSenderDeps, 'addresses'> {
  readonly target: PushTarget;
  readonly address: string;
  readonly tracks: readonly Track[];
}

class SrtSender implements OpeningSender {
  readonly opened: Promise<undefined>;
  readonly closed: Promise<Error | undefined>;
  readonly #target: PushTarget;
  readonly #clock: Clock;
  readonly #process: MediaProcess;
  readonly #opening = Promise.withResolvers<undefined>();
  readonly #closing = Promise.withResolvers<Error | undefined>();
  #timer: Timer;
  #bytesSent = 0;
  #unwritten = 0;
  #room: (() => void) | undefined;
  #ended: (() => void) | undefined;
  #isClosed = false;

  /** Throws AppError when no process may be started. */
  constructor({ target, address, tracks, clock, processes }: SrtConnection) {
    this.#target = target;
    this.#clock = clock;
    this.opened = this.#opening.promise;
    this.closed = this.#closing.promise;
    this.#process = processes.open(
      { type: 'mux', url: urlOf(target, address), format: 'mpegts', tracks: tracks.map(muxTrack) },
      { message: (message) => this.#hear(message), gone: () => this.#gone() },
    );
    this.#timer = clock.after(OPEN_TIMEOUT_MS, () => this.abort(new TargetFailed(`Nothing answers at ${target.host}:${target.port}.`)));
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  send({ track, dts, pts, key, data }: Unit): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    this.#unwritten++;
    this.#process.send({ type: 'unit', track, dts, pts, key, data });
    return this.#unwritten < MAX_UNWRITTEN_UNITS ? undefined : this.#drained();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#settle(undefined);
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.resolve;
    const timer = this.#clock.after(GOODBYE_MS, ended.resolve);
    this.#process.send({ type: 'end' });
    await ended.promise;
    timer.cancel();
    this.#process.close();
  }

  abort(error: Error): void {
    if (this.#isClosed) return;
    this.#settle(error);
    this.#process.close();
  }

  #hear(message: FromMediaProcess): void {
    switch (message.type) {
      case 'opened':
        this.#timer.cancel();
        this.#opening.resolve(undefined);
        break;
      case 'written':
        this.#bytesSent = message.bytes;
        this.#unwritten -= message.units;
        if (this.#unwritten < MAX_UNWRITTEN_UNITS) this.#room?.();
        break;
      case 'failed':
      case 'ended':
        this.#gone();
        break;
      case 'streams':
      case 'packet':
    }
  }

  async #drained(): Promise<void> {
    const timer = this.#clock.after(STALL_TIMEOUT_MS, () => this.abort(new TargetFailed(`The service has taken nothing for ${STALL_TIMEOUT_MS / 1000} s.`)));
    const room = Promise.withResolvers<void>();
    this.#room = room.resolve;
    await Promise.race([room.promise, this.closed]);
    timer.cancel();
  }

  /** libavformat tells no more than that there is no connection. */
  #gone(): void {
    this.#ended?.();
    const { host, port, passphrase } = this.#target;
    const why = passphrase === '' ? '' : ' The passphrase may be wrong.';
    this.abort(new TargetFailed(`The connection to ${host}:${port} could not be made, or was lost.${why}`));
  }

  #settle(result: Error | undefined): void {
    this.#isClosed = true;
    this.#timer.cancel();
    this.#closing.resolve(result);
  }
}

function urlOf({ port, key, passphrase }: PushTarget, address: string): string {
  const query = [`mode=caller`, `transtype=live`, `latency=${LATENCY_MICROS}`, `payload_size=${PAYLOAD_BYTES}`, `connect_timeout=5000`];
  if (key !== '') query.push(`streamid=${encodeURIComponent(key)}`);
  if (passphrase !== '') query.push(`passphrase=${passphrase}`);
  return `srt://${isIPv6(address) ? `[${address}]` : address}:${port}?${query.join('&')}`;
}

function muxTrack(track: Track): MuxTrack {
  const none = { width: 0, height: 0, sampleRate: 0, channels: 0 };
  return { ...none, ...track };
}
