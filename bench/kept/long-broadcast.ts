/**
 * A broadcast of two hours in minutes, in this process: the server's own packager and recorder on a clock that is moved on, without a network.
 * `node --expose-gc long-broadcast.ts 5 30 120` says for each of these minutes what memory holds, and at the end when the recording can be played.
 */

import { systemClock } from '../../server/src/lib/clock.ts';
import { UNWATCHED } from '../../server/src/lib/progress.ts';
import { DiskFiles } from '../../server/src/lib/stored-files.ts';
import { quietLog } from '../../server/src/lib/testing/quiet-log.ts';
import { OPEN_GATE, serve } from '../../server/src/outputs/record/testing/http.ts';
import { RECORDED, RecordingStudio } from '../../server/src/outputs/record/testing/studio.ts';
import { VodRoutes } from '../../server/src/outputs/record/vod-routes.ts';

/** 2.5 Mbit/s at the studio's 25 pictures a second. */
const FRAME_BYTES = 12_500;

const TWO_HOURS = 7_200;

const marks = process.argv.slice(2).map(Number);
await using studio = new RecordingStudio({ plan: { ...RECORDED, rewindSeconds: TWO_HOURS } });
let minutes = 0;
tell({ minutes, bytes: held() });
for (const mark of marks) {
  for (; minutes < mark; minutes++) {
    for (let second = 0; second < 60; second++) {
      studio.first.send(1, FRAME_BYTES);
      await studio.recorder.round();
    }
  }
  tell({ minutes, bytes: held() });
}

const began = performance.now();
studio.packager.end();
await studio.recorder.round();
const readyMs = performance.now() - began;
const filesOf = (id: string): DiskFiles => new DiskFiles(studio.recorder.recordingFolder(id));
const vod = new VodRoutes({ gate: OPEN_GATE, clock: systemClock, log: quietLog(), lookUp: async () => ({ title: 'Two hours' }), filesOf, beginDownload: () => UNWATCHED });
await using http = await serve(vod);
const playlist = `${http.base}/vod/${RECORDED.recording?.id}/video/index.m3u8`;
const text = await (await fetch(playlist)).text();
const segments = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
for (const uri of [segments[0] ?? '', segments.at(-1) ?? '']) {
  const answer = await fetch(new URL(uri, playlist));
  if (!answer.ok || (await answer.arrayBuffer()).byteLength === 0) throw new Error(`${uri} answered ${answer.status}`);
}
tell({ minutes, segments: segments.length, readyMs, playableMs: performance.now() - began });

/** What the broadcast holds: objects, and the media and buffers outside of them. */
function held(): number {
  if (!globalThis.gc) throw new Error('this needs --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function tell(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
