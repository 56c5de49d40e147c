/** The page says of itself what missed its budget. */
import { expect, test } from 'vitest';
import { type BenchResults, reportOf } from './report.ts';

const NOTHING: BenchResults = { quick: false, resting: undefined, ingest: [], delivery: [], held: undefined, whep: [], glass: [], failures: [] };
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
