/** Real encoded media for tests: ffmpeg encodes, the box reader takes it apart into tracks and units. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBox, readBoxes, readSamples } from '@millrace/media/isobmff/read';
import { rescale } from '@millrace/media/time';
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';

const run = promisify(execFile);

export interface EncodedMedia {
  readonly tracks: readonly Track[];
  /** In the order of decoding times, as a publisher interleaves them. */
  readonly units: readonly Unit[];
}

export interface EncodeRequest {
  /** ffmpeg's arguments for the picture, source and encoder; undefined: no picture. */
  readonly video?: { readonly source: string; readonly args: readonly string[] };
  readonly audio?: { readonly source: string; readonly args: readonly string[] };
  /** Rounds times to this timescale, as RTMP does with 1000. */
  readonly timescale?: number;
}

export async function encodeMedia({ video, audio, timescale }: EncodeRequest): Promise<EncodedMedia> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-media-'));
  try {
    const tracks: Track[] = [];
    const units: Unit[] = [];
    for (const [id, kind, request] of [
      [1, 'video', video],
      [2, 'audio', audio],
    ] as const) {
      if (!request) continue;
      const file = join(folder, `${kind}.mp4`);
      const flags = ['-movflags', '+empty_moov+default_base_moof+frag_keyframe', '-f', 'mp4', file];
      await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', request.source, ...request.args, ...flags]);
      const one = takeApart(new Uint8Array(await readFile(file)), { id, kind, timescale });
      tracks.push(one.track);
      units.push(...one.units);
    }
    const timescales = new Map(tracks.map((track) => [track.id, track.timescale]));
    const seconds = (unit: Unit): number => unit.dts / (timescales.get(unit.track) ?? 1);
    return { tracks, units: units.sort((a, b) => seconds(a) - seconds(b) || a.track - b.track) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function takeApart(bytes: Uint8Array, wanted: { id: number; kind: 'video' | 'audio'; timescale: number | undefined }): { track: Track; units: Unit[] } {
  const header = view(findBox(bytes, 'moov/trak/mdia/mdhd'));
  const fileTimescale = header.getUint32(12);
  const timescale = wanted.timescale ?? fileTimescale;
  const entry = readBoxes((findBox(bytes, 'moov/trak/mdia/minf/stbl/stsd') ?? new Uint8Array()).subarray(8))[0];
  if (!entry) throw new Error('the file has no sample entry');
  const units = readSamples(bytes).map(({ dts, pts, key, data }) => {
    const time = rescale(dts, fileTimescale, timescale);
    return { track: wanted.id, dts: time, pts: Math.max(time, rescale(pts, fileTimescale, timescale)), key: key || wanted.kind === 'audio', data };
  });
  return { track: wanted.kind === 'video' ? videoTrack(wanted.id, timescale, entry) : audioTrack(wanted.id, timescale, entry), units };
}

function videoTrack(id: number, timescale: number, entry: { type: string; content: Uint8Array }): Track {
  const fields = view(entry.content);
  const boxes = readBoxes(entry.content.subarray(78));
  const isHevc = entry.type === 'hvc1' || entry.type === 'hev1';
  const config = boxes.find((box) => box.type === (isHevc ? 'hvcC' : 'avcC'))?.content ?? new Uint8Array();
  const codecString = isHevc ? 'hvc1.1.6.L60.90' : `avc1.${[...config.subarray(1, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  return { id, kind: 'video', codec: isHevc ? 'hevc' : 'h264', timescale, config, codecString, width: fields.getUint16(24), height: fields.getUint16(26) };
}

function audioTrack(id: number, timescale: number, entry: { type: string; content: Uint8Array }): Track {
  const fields = view(entry.content);
  const base = { id, kind: 'audio', timescale, channels: fields.getUint16(16), sampleRate: fields.getUint16(24) } as const;
  const [box] = readBoxes(entry.content.subarray(28));
  if (!box) throw new Error('the sound has no configuration');
  if (box.type === 'dOps') return { ...base, codec: 'opus', config: box.content, codecString: 'opus' };
  // The decoder-specific descriptor is tag 5 with a size in four bytes; AudioSpecificConfig follows.
  const at = box.content.findIndex((byte, i) => byte === 5 && box.content[i + 1] === 0x80);
  const size = box.content[at + 4] ?? 0;
  return { ...base, codec: 'aac', config: box.content.slice(at + 5, at + 5 + size), codecString: 'mp4a.40.2' };
}

function view(bytes: Uint8Array | undefined): DataView {
  if (!bytes) throw new Error('a box is missing');
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
