/** The clock must be readable whatever an encoder does to the picture, else every test that reads it is worth nothing. */
import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { ensureTool } from '../../tools/test-tools.ts';
import { ClockPainter, readClockCells, readClockInFrame } from './clock-picture.ts';

const WIDTH = 640;
const HEIGHT = 360;

test('the clock survives x264 at its coarsest useful quality, frame by frame', async () => {
  await ensureTool('ffmpeg');
  const painter = new ClockPainter({ width: WIDTH, height: HEIGHT });
  const painted = Array.from({ length: 20 }, (_, i) => ({ wallMs: 4_000_000_000 + i * 33, frame: 65_500 + i }));
  const raw = Buffer.concat(painted.map(({ wallMs, frame }) => Buffer.from(painter.paint(wallMs, frame))));
  const format = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${WIDTH}x${HEIGHT}`];
  const encoded = await pipe(raw, [...format, '-i', '-', '-c:v', 'libx264', '-crf', '42', '-f', 'matroska', '-']);
  const decoded = await pipe(encoded, ['-i', '-', ...format, '-']);
  const frameBytes = (WIDTH * HEIGHT * 3) / 2;
  const read = painted.map((_, i) => readClockInFrame(decoded.subarray(i * frameBytes), { width: WIDTH, height: HEIGHT }));
  expect(read).toEqual(painted);
});

test('a picture without a clock gives no reading', () => {
  expect(readClockCells(Array.from({ length: 64 }, () => 20))).toBeUndefined();
  expect(readClockCells(Array.from({ length: 64 }, (_, i) => (i % 2 ? 20 : 230)))).toBeUndefined();
});

async function pipe(input: Buffer, args: readonly string[]): Promise<Buffer> {
  const child = spawn('ffmpeg', ['-hide_banner', '-loglevel', 'error', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return buffer(child.stdout);
}
