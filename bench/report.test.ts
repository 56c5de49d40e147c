/** The page says of itself what missed its budget. */
import { expect, test } from 'vitest';
import { type BenchResults, nothingMeasured, reportOf } from './report.ts';

const NOTHING = nothingMeasured(false);
const DATE = new Date('2026-11-21T00:00:00Z');
const WHEP = {
  version: '1',
  from: 'RTMP',
  viewers: 100,
  cpuPercentPerViewer: 0.2,
  microsPerPacket: 4,
  packetsPerViewerSecond: 300,
  megabitsPerViewerSecond: 2.5,
  lossPercent: 0,
  dropped: 0,
  gone: 0,
  machinePercent: 50,
};

test('only the groups that ran are written', () => {
  expect([...reportOf(NOTHING, ['whep', 'glass'], DATE).keys()]).toEqual(['whep', 'glass']);
});

test('what was measured is held against the budget, beside the peer', () => {
  const results = {
    ...NOTHING,
    whep: [
      { ...WHEP, server: 'Millrace' },
      { ...WHEP, server: 'Janus', cpuPercentPerViewer: 0.8, microsPerPacket: 16 },
    ],
  };
  const text = reportOf(results, ['whep'], DATE).get('whep');
  expect(text).toContain('| Millrace | 100 | 0.200 % | 4.0 µs | 0.25 × |');
  expect(text).toContain('Met.');
});

test('a miss, a full machine and viewers that were lost are said under the table', () => {
  const results = { ...NOTHING, whep: [{ ...WHEP, server: 'Millrace', cpuPercentPerViewer: 0.5, machinePercent: 99, gone: 3 }] };
  const text = reportOf(results, ['whep'], DATE).get('whep');
  expect(text).toContain('**Missed by 100 viewers: 0.500 % is 100 % over 0.250 %.**');
  expect(text).toContain('filled the machine');
  expect(text).toContain('3 lost their connection');
});

test('latencies have the budgets of their routes, and one without a budget is judged by its first frame', () => {
  const results: BenchResults = {
    ...NOTHING,
    glass: [
      { server: 'Millrace', from: 'whip', to: 'whep', medianMs: 180, p95Ms: 200, firstFrameMs: 310 },
      { server: 'Millrace', from: 'rtmp', to: 'whep', medianMs: 900, p95Ms: 950, firstFrameMs: 100 },
      { server: 'nginx-rtmp', from: 'rtmp', to: 'hls', medianMs: 6_000, p95Ms: 6_000, firstFrameMs: 6_000 },
    ],
  };
  const text = reportOf(results, ['glass'], DATE).get('glass');
  expect(text?.match(/\*\*Missed[^*]*\*\*/g)).toEqual([
    '**Missed by WHIP → WHEP, median: 180 ms is 20 % over 150 ms.**',
    '**Missed by WHIP → WHEP, first frame: 310 ms is 4 % over 300 ms.**',
  ]);
});

test('what could not be measured is said in its place', () => {
  const results: BenchResults = { ...NOTHING, failures: [{ group: 'ingest', title: '50 publishers, Millrace', message: 'it did not start\nfor a reason' }] };
  expect(reportOf(results, ['ingest'], DATE).get('ingest')).toContain('**Not measured: 50 publishers, Millrace.** it did not start\n');
});

test('a ladder stands beside ffmpeg, and a slow start is a miss', () => {
  const results: BenchResults = {
    ...NOTHING,
    ladder: [
      { who: 'Millrace', cpuPercent: 66 },
      { who: 'ffmpeg', cpuPercent: 60 },
    ],
    ladderStart: { firstMs: 2_500, worstMs: 900 },
  };
  const text = reportOf(results, ['ladder'], DATE).get('ladder');
  expect(text).toContain('| Millrace | 66.0 % | 1.10 × |');
  expect(text).toContain('**Missed by the first of a server: 2.50 s is 25 % over 2.00 s.**');
});

test('memory is told for each length, and recordings of both', () => {
  const rewind = {
    memory: [
      { minutes: 2, megabytes: 20 },
      { minutes: 120, megabytes: 26 },
    ],
    recording: { minutes: 120, segments: 3_600, readyMs: 10, playableMs: 400 },
  };
  const results: BenchResults = { ...NOTHING, rewind, recording: { broadcastSeconds: 60, readyMs: 1_200, playableMs: 1_300 } };
  expect(reportOf(results, ['rewind'], DATE).get('rewind')).toContain('| 120 min | 26.0 MB | 6.0 MB |');
  const text = reportOf(results, ['recording'], DATE).get('recording');
  expect(text).toContain('| 60 s, on the server | 1.20 s | 1.30 s |');
  expect(text).toContain('| 120 min, 3 600 segments, in process | 0.01 s | 0.40 s |');
});
