/** How soon a broadcast can be played as a recording once its owner has stopped it, by the server's own addresses. */
import { Owner } from '../../e2e/harness/api.ts';
import { startServer } from '../../e2e/harness/server.ts';
import { until } from '../../e2e/harness/until.ts';
import { measure } from '../process-cost.ts';
import { publishSource } from '../source.ts';

export interface RecordingResult {
  readonly broadcastSeconds: number;
  /** Its library says that it is ready. */
  readonly readyMs: number;
  /** The playlist, the first segment and the last one have come. */
  readonly playableMs: number;
}

export async function measureRecording({ source, seconds }: { readonly source: string; readonly seconds: number }): Promise<RecordingResult> {
  await using server = await startServer({ env: { LOG_LEVEL: 'warn' } });
  const owner = await Owner.guest(server.http);
  const { stream, streamKey } = await owner.create({ title: 'Recorded', record: true });
  await using _publisher = publishSource(source, `${server.rtmp}/${streamKey}`);
  await owner.untilStatus(stream.id, 'live', 15_000);
  await measure(server.child.pid, seconds);
  const began = performance.now();
  await owner.stop(stream.id);
  const recording = await until(async () => (await owner.recordings()).find(({ state }) => state === 'ready'), { what: 'a recording', timeoutMs: 60_000, everyMs: 20 });
  const readyMs = performance.now() - began;
  const playlist = new URL('video/index.m3u8', recording.playback.hls);
  const text = await (await fetch(playlist)).text();
  const segments = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const uri of [segments.at(0), segments.at(-1)]) {
    const answer = await fetch(new URL(uri ?? '', playlist));
    if (!answer.ok || (await answer.arrayBuffer()).byteLength === 0) throw new Error(`${uri} answered ${answer.status}`);
  }
  return { broadcastSeconds: seconds, readyMs, playableMs: performance.now() - began };
}
