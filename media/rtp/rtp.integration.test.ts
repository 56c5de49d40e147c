/** Real encodings through our packets and those of GStreamer: each reads what the other writes, over pipes, where nothing is lost. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../../tools/test-tools.ts';
import { concat, putU16, u16 } from '../big-endian.ts';
import { annexBUnits, nalUnits } from '../codecs/nal.ts';
import type { RtpCodec } from '../sdp/codec-match.ts';
import type { Frame } from './depacketizer.ts';
import { depacketizerFor, packetizerFor } from './formats.ts';
import { readRtpPacket } from './packet.ts';
import { RtpSource } from './rtp-source.ts';
import { carry, type TestUnit } from './testing/carry.ts';
import { type Encoding, encode } from './testing/encode.ts';

const run = promisify(execFile);
const MAX_OUTPUT = 64 * 1024 * 1024;

/** What GStreamer calls each codec: parser, payloader, depayloader, the caps between them and those after. */
const GST = {
  h264: { parse: 'h264parse', pay: 'rtph264pay config-interval=-1', depay: 'rtph264depay', name: 'H264', out: 'video/x-h264,stream-format=byte-stream,alignment=au' },
  hevc: { parse: 'h265parse', pay: 'rtph265pay config-interval=-1', depay: 'rtph265depay', name: 'H265', out: 'video/x-h265,stream-format=byte-stream,alignment=au' },
  vp8: { parse: 'identity', pay: 'rtpvp8pay picture-id-mode=15-bit', depay: 'rtpvp8depay', name: 'VP8', out: 'video/x-vp8' },
  vp9: { parse: 'identity', pay: 'rtpvp9pay picture-id-mode=15-bit', depay: 'rtpvp9depay', name: 'VP9', out: 'video/x-vp9' },
  opus: { parse: 'opusparse', pay: 'rtpopuspay', depay: 'rtpopusdepay', name: 'OPUS', out: 'audio/x-opus' },
} as const;
type GstCodec = keyof typeof GST;
const GST_CODECS: readonly GstCodec[] = ['h264', 'hevc', 'vp8', 'vp9', 'opus'];

let folder = '';
const encodings = new Map<RtpCodec, Promise<Encoding>>();

function encoded(codec: RtpCodec): Promise<Encoding> {
  const known = encodings.get(codec) ?? encode(codec, folder);
  encodings.set(codec, known);
  return known;
}

/** RFC 4571: each packet behind its length, which makes packets of a byte stream. */
async function foreignPackets(file: string, codec: GstCodec): Promise<Uint8Array[]> {
  const { parse, pay } = GST[codec];
  const pipeline = `filesrc location=${file} ! matroskademux ! ${parse} ! ${pay} mtu=1200 ! rtpstreampay ! fdsink fd=1`;
  const { stdout } = await run('gst-launch-1.0', ['-q', ...pipeline.split(' ')], { encoding: 'buffer', maxBuffer: MAX_OUTPUT });
  const packets: Uint8Array[] = [];
  for (let at = 0; at < stdout.length; at += 2 + u16(stdout, at)) packets.push(new Uint8Array(stdout.subarray(at + 2, at + 2 + u16(stdout, at))));
  return packets;
}

/** What GStreamer makes of our packets: the elementary stream. */
async function readByGstreamer(packets: readonly Uint8Array[], codec: GstCodec): Promise<Uint8Array> {
  const { depay, name, out } = GST[codec];
  const media = codec === 'opus' ? 'audio,clock-rate=48000' : 'video,clock-rate=90000';
  const caps = `application/x-rtp-stream,media=${media},encoding-name=${name},payload=96`;
  const pipeline = `fdsrc fd=0 ! ${caps} ! rtpstreamdepay ! ${depay} ! ${out} ! fdsink fd=1`;
  const child = spawn('gst-launch-1.0', ['-q', ...pipeline.split(' ')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const framed = packets.map((packet) => {
    const length = new Uint8Array(2);
    putU16(length, 0, packet.length);
    return concat(length, packet);
  });
  child.stdin.end(concat(...framed));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

function packetize(units: readonly TestUnit[], codec: RtpCodec, config: Uint8Array): Uint8Array[] {
  const packetizer = packetizerFor({ codec, config });
  if (!packetizer) throw new Error(`no packetizer for ${codec}`);
  const source = new RtpSource({ ssrc: 77, payloadType: 96, packetizer, firstSequence: 65_500, marker: codec === 'opus' ? 'never' : 'frame-end' });
  return units.flatMap((unit, i) => source.write(unit, i * (codec === 'opus' ? 960 : 3_600)));
}

/** What of a sample stays the same on the way: its pictures. */
function pictures(codec: RtpCodec, data: Uint8Array, units: readonly { readonly begin: number; readonly end: number }[]): string[] {
  const nals = units.map(({ begin, end }) => data.subarray(begin, end));
  const isPicture = ([first = 0]: Uint8Array) => (codec === 'h264' ? (first & 0x1f) <= 5 : first >> 1 < 32);
  return nals.filter(isPicture).map((nal) => Buffer.from(nal).toString('base64'));
}

function isNalCodec(codec: RtpCodec): boolean {
  return codec === 'h264' || codec === 'hevc';
}

beforeAll(async () => {
  await ensureTool('ffmpeg');
  await ensureTool('gstreamer');
  folder = await mkdtemp(join(tmpdir(), 'millrace-rtp-'));
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each([...GST_CODECS, 'av1'] as const)('%s of a real encoder', (codec) => {
  test('comes through our own packets unchanged', async () => {
    const { units, config } = await encoded(codec);
    const packetizer = packetizerFor({ codec, config });
    if (!packetizer) throw new Error(`no packetizer for ${codec}`);
    const depacketizer = depacketizerFor(codec);
    const frames = carry(units, { packetizer, depacketizer });
    expect(frames.map(({ data, key }) => ({ data, key }))).toEqual(units.map(({ data, key }) => ({ data: withoutParameterSets(codec, data), key })));
    expect(frames.length).toBeGreaterThan(45);
    if (codec !== 'opus') expect(depacketizer.format).toMatchObject({ codec, width: 640, height: 360 });
    if (codec === 'h264' || codec === 'av1') expect(depacketizer.format?.config).toEqual(config);
  });
});

describe.each(GST_CODECS)('%s packets', (codec) => {
  test('of GStreamer are read', async () => {
    const { units, file } = await encoded(codec);
    const depacketizer = depacketizerFor(codec);
    const packets = (await foreignPackets(file, codec)).map(readRtpPacket);
    const frames: Frame[] = packets.flatMap((packet) => depacketizer.push(packet, false));
    expect(depacketizer.damaged).toBe(0);
    expect(frames.map(({ key }) => key)).toEqual(units.map(({ key }) => key));
    const inOurs = frames.map(({ data }) => (isNalCodec(codec) ? pictures(codec, data, nalUnits(data, 4) ?? []) : data));
    const inFile = units.map(({ data }) => (isNalCodec(codec) ? pictures(codec, data, nalUnits(data, 4) ?? []) : data));
    expect(inOurs).toEqual(inFile);
    if (codec !== 'opus') expect(depacketizer.format).toMatchObject({ codec, width: 640, height: 360 });
  });

  test('of ours are read by GStreamer', async () => {
    const { units, config } = await encoded(codec);
    const stream = await readByGstreamer(packetize(units, codec, config), codec);
    if (isNalCodec(codec)) {
      const sent = units.flatMap(({ data }) => pictures(codec, data, nalUnits(data, 4) ?? []));
      expect(pictures(codec, stream, annexBUnits(stream) ?? [])).toEqual(sent);
    } else {
      expect(Buffer.from(stream).equals(Buffer.concat(units.map(({ data }) => data)))).toBe(true);
    }
  });
});

/** Samples of some muxers keep the parameter sets that also stand in the configuration. */
function withoutParameterSets(codec: RtpCodec, data: Uint8Array): Uint8Array {
  if (!isNalCodec(codec)) return data;
  const kept = (nalUnits(data, 4) ?? []).filter(({ begin }) => {
    const first = data[begin] ?? 0;
    return codec === 'h264' ? ![7, 8, 9].includes(first & 0x1f) : ![32, 33, 34, 35].includes((first >> 1) & 0x3f);
  });
  return concat(...kept.map(({ begin, end }) => data.subarray(begin - 4, end)));
}
