/** Whether an encoder works on this machine: it has to make something of a picture. */
import { AV_PICTURE_TYPE_I } from 'node-av/constants';
import { Frame, Packet } from 'node-av/lib';
import type { EncoderSetting, TierSize } from '../job.ts';
import { avcCOf, sampleOf } from './avcc.ts';
import { ENCODER_KINDS } from './encoder-kinds.ts';
import { Encoders } from './encoders.ts';
import type { H264Encoder } from './h264-encoder.ts';
import { Devices } from './surfaces.ts';

/** Small, and no multiple of a macroblock: pictures have to be cut. */
const SIZE: TierSize = { width: 320, height: 180, maxBitsPerSecond: 500_000, maxFramesPerSecond: 30, expectedFramesPerSecond: 30, preset: 'veryfast' };

/** Pictures that hardware may keep to itself before the first comes out. */
const PICTURES = 8;

/** Turns grey pictures into one that a tier could begin with. Throws when nothing comes of them. */
export function tryEncoder(setting: EncoderSetting): void {
  const packet = new Packet();
  const frame = new Frame();
  let encoder: H264Encoder | undefined;
  try {
    encoder = new Encoders(setting, new Devices()).openWanted({ tier: SIZE, timescale: SIZE.maxFramesPerSecond, colours: undefined, pixels: undefined });
    packet.alloc();
    frame.alloc();
    frame.width = SIZE.width;
    frame.height = SIZE.height;
    frame.format = ENCODER_KINDS[setting.name].pixelFormat;
    const result = frame.getBuffer(0);
    if (result < 0) throw new Error(`there is no memory for a picture (${result})`);
    for (const plane of frame.data ?? []) plane?.fill(128);
    encodeOne(encoder, frame, packet);
  } finally {
    packet.free();
    frame.free();
    encoder?.close();
  }
}

function encodeOne(encoder: H264Encoder, frame: Frame, packet: Packet): void {
  for (let i = 0; i < PICTURES; i++) {
    frame.pts = BigInt(i);
    frame.pictType = AV_PICTURE_TYPE_I;
    encoder.send(frame);
    if (!encoder.receive(packet)) continue;
    if (!packet.data || !packet.isKeyframe || !sampleOf(packet.data)) throw new Error('the first picture is no key frame');
    avcCOf(encoder.header ?? packet.data);
    return;
  }
  throw new Error(`nothing came of ${PICTURES} pictures`);
}
