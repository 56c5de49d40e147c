/** The parts of the page on what is kept of broadcasts. */
import { fixed, heading, section, table } from '../report-text.ts';
import type { RecordingResult } from './recording.ts';
import type { LongRecording, RewindResult } from './rewind.ts';

export function rewindPart(result: RewindResult | undefined): string[] {
  if (!result) return heading('Going back');
  const [first] = result.memory;
  const rows = result.memory.map(({ minutes, megabytes }) => [`${minutes} min`, `${fixed(megabytes, 1)} MB`, `${fixed(megabytes - (first?.megabytes ?? 0), 1)} MB`]);
  return section(
    'Memory of a broadcast of 2.5 Mbit/s whose viewers may go back two hours',
    table(['it has lasted', 'memory', `more than after ${first?.minutes} min`], rows),
    'Objects and buffers of the server’s own packager and recorder, picture and sound, in a process without a network whose clock is moved on.',
  );
}

export function recordingPart(short: RecordingResult | undefined, long: LongRecording | undefined): string[] {
  if (!short && !long) return heading('From stop to a recording');
  const seconds = (ms: number): string => `${fixed(ms / 1000, 2)} s`;
  const rows = [
    ...(short ? [[`${short.broadcastSeconds} s, on the server`, seconds(short.readyMs), seconds(short.playableMs)]] : []),
    ...(long ? [[`${long.minutes} min, ${fixed(long.segments, 0)} segments, in process`, seconds(long.readyMs), seconds(long.playableMs)]] : []),
  ];
  return section(
    'From stop to a recording',
    table(['broadcast', 'ready', 'playlist, first and last segment came'], rows),
    'On the server from the call that stops the broadcast; in process from its end, without the library’s database.',
  );
}
