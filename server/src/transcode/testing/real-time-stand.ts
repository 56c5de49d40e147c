/** For tests of tiers in real time: a broadcast with a ladder, and a WebRTC viewer who tells what it loses. */
import { FrameAssembler } from '@millrace/media/rtp/depacketizer';
import { H264Builder } from '@millrace/media/rtp/h264-builder';
import { isRtcp, readRtpPacket } from '@millrace/media/rtp/packet';
import { writeReceiverReport } from '@millrace/media/rtp/rtcp-write';
import type { Unit } from '@millrace/media/unit';
import type { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/silent-log.ts';
import { WhepOutput } from '../../outputs/whep/output.ts';
import { publishedTracks } from '../../outputs/whep/track-source.ts';
import type { LayerChoice } from '../../transports/webrtc/layer-requests.ts';
import { TestPeer } from '../../transports/webrtc/testing/peer.ts';
import { WebRtcTransport } from '../../transports/webrtc/transport.ts';
import { LadderStand } from './ladder-stand.ts';

/** Sessions look at their viewers so often. */
const LOOK_SECONDS = 0.5;

/** Of the pictures that are made. */
const LEAD_SECONDS = 0.15;

/** A picture as a viewer gets it: RTP time in ticks of 90 kHz, and lines. */
export interface ShownPicture {
  readonly time: number;
  readonly height: number;
  readonly key: boolean;
}

export class RealTimeStand implements AsyncDisposable {
  readonly stand: LadderStand;
  readonly whep: WhepOutput;
  readonly pictures: ShownPicture[] = [];
  /** Times of what was published. */
  readonly published: number[] = [];
  /** The viewer's choice of a size. */
  layers: LayerChoice | undefined;
  /** Share of packets that the viewer says it loses. */
  loss = 0;
  readonly #clock: FakeClock;
  readonly #transport: WebRtcTransport;
  readonly #peer = new TestPeer({ direction: 'recvonly', audio: false });
  readonly #assembler = new FrameAssembler(new H264Builder());
  #read = 0;
  #lastSequence: number | undefined;
  #beats = 0;
  #units: readonly Unit[] = [];
  #next = 0;
  /** Never at key frames, of which some of the sizes would have come then and some not. */
  #lastLook = 0.2;
  #live: ReturnType<LadderStand['publish']> | undefined;

  constructor(clock: FakeClock) {
    this.#clock = clock;
    this.stand = new LadderStand({ clock });
    this.stand.mode = 'auto';
    this.#transport = new WebRtcTransport({ clock, log: silentLog, config: { host: '127.0.0.1', port: 0, addresses: [] } });
    this.whep = new WhepOutput({
      hub: this.stand.hub,
      gate: { check: () => 'open' },
      elsewhere: { isLive: async () => false },
      transport: this.#transport,
      source: publishedTracks,
      tiers: this.stand.ladders,
      viewers: { beginSession: () => ({ beat: () => this.#beats++, end() {} }) },
      clock,
      log: silentLog,
    });
  }

  /** Begins the broadcast of a picture in this timescale of 90 kHz, and its viewer. */
  async start(media: Parameters<LadderStand['publish']>[0], units: readonly Unit[]): Promise<void> {
    await this.#transport.start();
    this.#units = units;
    this.#live = this.stand.publish(media);
    this.#publish();
    const nobody = { bearer: undefined, token: undefined, viewer: undefined, cookie: undefined, authorization: undefined, remoteAddress: '127.0.0.1' };
    const { answer, layers } = await this.whep.take({ ...nobody, streamId: 'stream', sdp: this.#peer.offer, signal: new AbortController().signal });
    this.layers = layers;
    this.#peer.answer(answer);
    await this.#peer.open;
    await this.#peer.until(() => this.#look());
  }

  /** Goes on until this holds, or all is published. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#next >= this.#units.length) throw new Error(`all is published; the viewer sees ${this.height} lines`);
      await this.#made();
      this.#publish();
      if (this.#seconds - this.#lastLook >= LOOK_SECONDS) await this.#tick();
      this.#look();
    }
  }

  async play(seconds: number): Promise<void> {
    const end = this.#seconds + seconds;
    await this.until(() => this.#seconds >= end);
  }

  /** Lines of the last picture. */
  get height(): number {
    return this.pictures.at(-1)?.height ?? 0;
  }

  get isMaking(): boolean {
    return this.stand.pool.jobs > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#peer[Symbol.dispose]();
    await this.#transport.close();
    this.stand[Symbol.dispose]();
  }

  get #seconds(): number {
    return (this.published.at(-1) ?? 0) / 90_000;
  }

  #publish(): void {
    const unit = this.#units[this.#next++];
    if (!unit || !this.#live) return;
    this.published.push(unit.pts);
    this.#live.publication.unit(unit, this.#live.stream.broadcast.createdAt + unit.dts / 90);
  }

  /** Waits for the tiers of what is published, as long as there are any. */
  #made(): Promise<void> {
    const { heard } = this.stand;
    return heard.until(() => !this.isMaking || this.#seconds - heard.time < LEAD_SECONDS);
  }

  /** The viewer reports, and the session looks back. */
  async #tick(): Promise<void> {
    this.#lastLook += LOOK_SECONDS;
    const beats = this.#beats;
    const { ssrc } = readRtpPacket(this.#peer.received.findLast((packet) => !isRtcp(packet)) ?? new Uint8Array());
    const report = {
      ssrc,
      fractionLost: Math.round(this.loss * 256),
      cumulativeLost: 0,
      highestSequence: this.#lastSequence ?? 0,
      jitter: 0,
      lastReport: 0,
      delaySinceLastReport: 0,
    };
    this.#peer.send(writeReceiverReport(1, [report]));
    // The report is on its way by the network of this machine.
    while (this.#beats === beats) await new Promise<void>((resolve) => setImmediate(resolve));
    this.#clock.advance(LOOK_SECONDS * 1000);
  }

  /** Reads what came. True once there are pictures. */
  #look(): boolean {
    for (const bytes of this.#peer.received.slice(this.#read)) {
      this.#read++;
      if (isRtcp(bytes)) continue;
      const packet = readRtpPacket(bytes);
      if (this.#lastSequence !== undefined && packet.sequence !== ((this.#lastSequence + 1) & 0xffff)) throw new Error(`packet ${packet.sequence} follows ${this.#lastSequence}`);
      this.#lastSequence = packet.sequence;
      for (const { timestamp, key } of this.#assembler.push(packet, false)) this.pictures.push({ time: timestamp, key, height: this.#assembler.format?.height ?? 0 });
    }
    return this.pictures.length > 0;
  }
}
