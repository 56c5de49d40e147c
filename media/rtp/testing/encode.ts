/** For tests: real encodings, as frames that a unit holds and as a file that GStreamer sends. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withoutTemporalDelimiter } from '../../codecs/av1.ts';
import { findBox, readBoxes, readSamples } from '../../isobmff/read.ts';
import type { RtpCodec } from '../../sdp/codec-match.ts';
import type { TestUnit } from './carry.ts';

const run = promisify(execFile);

export interface Encoding {
  /** A Matroska file with the same frames. */
  readonly file: string;
  readonly units: readonly TestUnit[];
  /** Content of the configuration box; empty where the file has none. */
  readonly config: Uint8Array;
}

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25:d=2'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=d=2:r=48000', '-c:a', 'libopus', '-b:a', '96k'];

const ENCODERS: Readonly<Record<RtpCodec, readonly string[]>> = {
  h264: [...PICTURE, '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '25'],
  hevc: [...PICTURE, '-c:v', 'libx265', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '25', '-x265-params', 'log-level=error'],
  // Several threads wait for one another by spinning: on a busy machine they take ten times as much.
  vp8: [...PICTURE, '-c:v', 'libvpx', '-threads', '1', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '1M', '-g', '25'],
  vp9: [...PICTURE, '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '1M', '-g', '25', '-lag-in-frames', '0'],
  av1: [...PICTURE, '-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-b:v', '1M', '-g', '25', '-lag-in-frames', '0'],
  opus: SOUND,
};

const CONFIG_BOXES: Readonly<Record<string, { readonly skip: number; readonly type: string }>> = {
  h264: { skip: 78, type: 'avcC' },
  hevc: { skip: 78, type: 'hvcC' },
  av1: { skip: 78, type: 'av1C' },
  vp9: { skip: 78, type: 'vpcC' },
  opus: { skip: 28, type: 'dOps' },
};

/** Encodes two seconds into files in a folder, which is the caller's to remove. */
export async function encode(codec: RtpCodec, folder: string): Promise<Encoding> {
  const file = join(folder, `${codec}.mkv`);
  await run('ffmpeg', ['-v', 'error', ...ENCODERS[codec], file]);
  // MP4 has no VP8, and IVF is frames with sizes.
  const isIvf = codec === 'vp8';
  const copy = join(folder, `${codec}.${isIvf ? 'ivf' : 'mp4'}`);
  const flags = isIvf ? ['-f', 'ivf'] : ['-movflags', '+empty_moov+default_base_moof+frag_keyframe', '-f', 'mp4'];
  await run('ffmpeg', ['-v', 'error', '-i', file, '-c', 'copy', ...flags, copy]);
  const bytes = new Uint8Array(await readFile(copy));
  if (isIvf) return { file, units: ivfFrames(bytes).map((data) => ({ data, key: ((data[0] ?? 1) & 1) === 0 })), config: new Uint8Array(0) };
  const units = readSamples(bytes).map(({ data, key }) => ({ data: codec === 'av1' ? withoutTemporalDelimiter(data) : data, key: key || codec === 'opus' }));
  return { file, units, config: configOf(bytes, codec) };
}

function configOf(bytes: Uint8Array, codec: RtpCodec): Uint8Array {
  const [entry] = readBoxes((findBox(bytes, 'moov/trak/mdia/minf/stbl/stsd') ?? new Uint8Array(0)).subarray(8));
  const { skip = 0, type = '' } = CONFIG_BOXES[codec] ?? {};
  const box = entry && readBoxes(entry.content.subarray(skip)).find((one) => one.type === type);
  if (!box) throw new Error(`the file has no ${type}`);
  return box.content;
}

/** A header of 32 bytes; before each frame its size, little-endian, and a time. */
function ivfFrames(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 32; at + 12 <= bytes.length; ) {
    const size = view.getUint32(at, true);
    frames.push(bytes.subarray(at + 12, at + 12 + size));
    at += 12 + size;
  }
  return frames;
}
