/** Real encoders publish to a real hub. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BenchStand } from './testing/bench-stand.ts';

let stand: BenchStand;
const children: ChildProcess[] = [];

beforeEach(async () => {
  stand = new BenchStand();
  await stand.start();
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await stand[Symbol.asyncDispose]();
});

function run(command: string, args: readonly string[]): ChildProcess & { output: () => string } {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes;
  });
  child.stderr.on('data', (bytes: Buffer) => {
    text += bytes;
  });
  return Object.assign(child, { output: () => text });
}

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];

/** As fast as it goes: a publisher's clock is its timestamps. */
function ffmpeg(key: string, args: readonly string[]) {
  return run('ffmpeg', ['-hide_banner', '-loglevel', 'warning', ...args, '-f', 'flv', stand.url(key)]);
}

test('ffmpeg publishes H.264 and AAC with its defaults', async () => {
  const child = ffmpeg('key-a', [...PICTURE, ...SOUND, '-t', '3', '-g', '30', '-pix_fmt', 'yuv420p']);
  await once(child, 'close');
  const sink = await stand.until('a', (seen) => seen.pauses === 1);
  console.log(child.output(), sink.formats, sink.units.length, sink.of('video').slice(0, 5), stand.lines, stand.server.counters);
  expect(sink.formats).toHaveLength(1);
});
