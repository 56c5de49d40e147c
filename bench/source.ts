/** The file that every bench publisher sends in a loop, and the light process that sends it. */
import { join } from 'node:path';
import { Child, run } from '../e2e/harness/child.ts';
import { ensureTool } from '../tools/test-tools.ts';

/** 720p30 at 2.5 Mbit/s with a key frame a second and 128 kbit/s AAC: what a typical encoder is set to. */
export async function makeSource(folder: string): Promise<string> {
  await ensureTool('ffmpeg');
  const file = join(folder, 'source.flv');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t'];
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
  const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-g', '30', '-b:v', '2500k', '-minrate', '2500k', '-maxrate', '2500k', '-bufsize', '2500k'];
  const made = await run('ffmpeg', ['-y', '-loglevel', 'error', ...picture, ...sound, '-t', '20', ...video, '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '128k', file], {
    timeoutMs: 120_000,
  });
  if (made.code !== 0) throw new Error(`ffmpeg could not make the bench's source: ${made.stderr}`);
  const pictures = await run('ffmpeg', ['-y', '-loglevel', 'error', '-i', file, '-an', '-c', 'copy', picturesOf(file)]);
  if (pictures.code !== 0) throw new Error(`ffmpeg could not copy the pictures of the bench's source: ${pictures.stderr}`);
  return file;
}

/** The pictures alone, in the form that RTP carries: a filter that makes it on the way ends with the first round of a loop. */
function picturesOf(file: string): string {
  return file.replace(/\.flv$/, '.ts');
}

/** Sends the source in real time without encoding. */
export function publishSource(file: string, url: string): Child {
  return new Child('ffmpeg', ['-loglevel', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy', '-f', 'flv', url]);
}

/** The same without its sound. */
export function publishPictures(file: string, url: string): Child {
  return new Child('ffmpeg', ['-loglevel', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', file, '-an', '-c', 'copy', '-f', 'flv', url]);
}

/** The pictures as RTP of payload type 96 to a port of this machine, in packets as large as those that browsers send. */
export function publishRtp(file: string, port: number): Child {
  const target = `rtp://127.0.0.1:${port}?pkt_size=1200`;
  const format = ['-c', 'copy', '-payload_type', '96', '-f', 'rtp'];
  return new Child('ffmpeg', ['-loglevel', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', picturesOf(file), ...format, target]);
}
