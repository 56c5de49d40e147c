/** Packs units into MPEG-TS and writes it to an address; each write waits for the network, in a thread of libuv's. */
import { AV_CHANNEL_ORDER_UNSPEC, AVFMT_FLAG_FLUSH_PACKETS, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { FFmpegError, FormatContext, Packet, Rational, type Stream } from 'node-av/lib';
import { AV_CODEC_IDS } from '../../../lib/av-codec-ids.ts';
import type { FromMediaProcess, MuxTask, MuxTrack, ToMediaProcess } from '../messages.ts';

type UnitMessage = Extract<ToMediaProcess, { readonly type: 'unit' }>;

/** Of MPEG-TS. */
const TIMESCALE = 90_000;

/** Where the first unit lies: what its pictures are shown before must not be negative. */
const BEGIN = TIMESCALE;

/** The server is told at least so often. */
const TELL_UNITS = 16;

export class Mux {
  readonly #task: MuxTask;
  readonly #tell: (message: FromMediaProcess) => Promise<void>;
  readonly #context = new FormatContext();
  readonly #queue: UnitMessage[] = [];
  #wake: (() => void) | undefined;
  #isEnding = false;

  constructor(task: MuxTask, tell: (message: FromMediaProcess) => Promise<void>) {
    this.#task = task;
    this.#tell = tell;
  }

  push(unit: UnitMessage): void {
    this.#queue.push(unit);
    this.#wake?.();
  }

  end(): void {
    this.#isEnding = true;
    this.#wake?.();
  }

  async run(): Promise<void> {
    const context = this.#context;
    check(context.allocOutputContext2(null, this.#task.format, this.#task.url), 'the container');
    context.setFlags(AVFMT_FLAG_FLUSH_PACKETS);
    const streams = new Map(this.#task.tracks.map((track) => [track.id, { track, stream: addStream(context, track) }]));
    check(await context.openOutput(), 'the connection');
    check(await context.writeHeader(), 'the header');
    await this.#tell({ type: 'opened' });
    const packet = new Packet();
    packet.alloc();
    let begin: number | undefined;
    let written = 0;
    for await (const unit of this.#units()) {
      const entry = streams.get(unit.track);
      written++;
      if (entry) {
        const dts = ticksOf(unit.dts, entry.track);
        begin ??= dts;
        // First: it forgets everything else.
        packet.data = Buffer.from(unit.data);
        packet.streamIndex = entry.stream.index;
        packet.dts = BigInt(dts - begin + BEGIN);
        packet.pts = BigInt(ticksOf(unit.pts, entry.track) - begin + BEGIN);
        packet.isKeyframe = unit.key;
        check(await context.writeFrame(packet), 'the connection');
        packet.unref();
      }
      if (written >= TELL_UNITS || this.#queue.length === 0) {
        await this.#tell({ type: 'written', units: written, bytes: Number(context.pbBytes) });
        written = 0;
      }
    }
    await context.writeTrailer();
    await context.closeOutput();
  }

  async *#units(): AsyncIterable<UnitMessage> {
    for (;;) {
      const unit = this.#queue.shift();
      if (unit) {
        yield unit;
      } else if (this.#isEnding) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

function addStream(context: FormatContext, track: MuxTrack): Stream {
  const stream = context.newStream(null);
  stream.timeBase = new Rational(1, TIMESCALE);
  const { codecpar } = stream;
  codecpar.codecType = track.kind === 'video' ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
  codecpar.codecId = AV_CODEC_IDS[track.codec];
  if (track.config.length > 0) codecpar.extradata = Buffer.from(track.config);
  if (track.kind === 'video') {
    codecpar.width = track.width;
    codecpar.height = track.height;
  } else {
    codecpar.sampleRate = track.sampleRate;
    codecpar.channelLayout = { nbChannels: track.channels, order: AV_CHANNEL_ORDER_UNSPEC, mask: 0n };
  }
  return stream;
}

function ticksOf(ticks: number, { timescale }: MuxTrack): number {
  return Math.round((ticks * TIMESCALE) / timescale);
}

function check(result: number, what: string): void {
  if (result < 0) throw new Error(`${what}: ${FFmpegError.strerror(result)}`);
}
