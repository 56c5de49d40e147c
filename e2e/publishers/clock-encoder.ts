/**
 * Feeds an encoder with raw pictures that show the wall clock, in real time:
 * `node clock-encoder.ts --size 640x360 --fps 30000/1001 [--pace uneven] [--tone] -- ffmpeg -f rawvideo … -i - …`.
 * `--tone` gives it a tone as well, on file descriptor 3 in 16 bits at 48 kHz: what a microphone hears that began with the first picture.
 * Ends with the encoder, and ends the encoder when told to.
 */
import { spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { ClockPainter } from '../harness/clock-picture.ts';

const { values, positionals } = parseArgs({
  options: {
    size: { type: 'string', default: '320x180' },
    fps: { type: 'string', default: '30' },
    /** `uneven`: leaves out frames in a fixed irregular pattern, as screen capture does. */
    pace: { type: 'string', default: 'even' },
    tone: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

const [width = 0, height = 0] = values.size.split('x').map(Number);
const [numerator = 0, denominator = 1] = values.fps.split('/').map(Number);
const frameMs = (1000 * denominator) / numerator;
const painter = new ClockPainter({ width, height });

const SAMPLE_RATE = 48_000;
const TONE_HZ = 440;
const TONE_MS = 10;

const [command = 'ffmpeg', ...args] = positionals;
const encoder = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit', values.tone ? 'pipe' : 'ignore'] });
const ear = encoder.stdio[3];
encoder.once('error', (error) => {
  process.stderr.write(`${command}: ${error.message}\n`);
  process.exit(127);
});
encoder.once('close', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
// The encoder that leaves closes the pipe; its own end is what counts.
encoder.stdin?.on('error', () => undefined);
ear?.on('error', () => undefined);
process.on('SIGTERM', () => encoder.kill('SIGTERM'));
process.on('SIGINT', () => encoder.kill('SIGINT'));
process.once('exit', () => encoder.kill('SIGKILL'));

const parent = process.ppid;
let startedMs = 0;
let frame = 0;
let heard = 0;

// The painter's buffer is used again only after the encoder took the frame before.
function send(): void {
  // A test run that is killed cannot clean up: nobody is left to send for.
  if (process.ppid !== parent) process.exit(1);
  encoder.stdin?.write(painter.paint(Date.now(), frame++), () => {
    // Time begins when the encoder takes its first frame, however long it took to start.
    if (frame === 1) {
      startedMs = performance.now();
      // On a timer of its own: an encoder that has yet to hear something takes no further picture.
      if (ear instanceof Writable) setInterval(() => ear.write(toneUntil((performance.now() - startedMs) / 1000)), TONE_MS).unref();
    }
    while (values.pace === 'uneven' && leftOut(frame)) frame++;
    setTimeout(send, Math.max(0, startedMs + frame * frameMs - performance.now()));
  });
}

function toneUntil(seconds: number): Int16Array {
  const from = heard;
  heard = Math.floor(seconds * SAMPLE_RATE);
  return Int16Array.from({ length: heard - from }, (_, i) => 8_000 * Math.sin((2 * Math.PI * TONE_HZ * (from + i)) / SAMPLE_RATE));
}

// Never more than three frames in a row: 7, 4 and 3 of 30 missing in uneven places.
function leftOut(number: number): boolean {
  const place = number % 30;
  return place % 4 === 1 || place === 6 || place === 7 || place === 18 || place === 19 || place === 22;
}

send();
