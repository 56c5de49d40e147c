/** Manifests of a packager as its segments come: by the clock, by lists, over. */
import type { Track } from '@millrace/media/track';
import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { DEFAULT_PACKAGER_CONFIG, Packager } from '../cmaf/packager.ts';
import { PackagerManifest } from './from-stream.ts';

const VIDEO: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000, config: Uint8Array.of(1, 100, 0, 31), codecString: 'avc1.64001f', width: 640, height: 360 };
const AUDIO: Track = { id: 2, kind: 'audio', codec: 'aac', timescale: 48_000, config: Uint8Array.of(17, 144), codecString: 'mp4a.40.2', sampleRate: 48_000, channels: 2 };
const EPOCH = 'epoch-0123456789abcdef';

let packager: Packager;
let manifest: PackagerManifest | undefined;
let atMs: number;

/** Picture at 25 frames a second and sound, a key frame every `groupMs`. */
function send(forMs: number, groupMs: number): void {
  for (const end = atMs + forMs; atMs < end; atMs += 40) {
    packager.unit({ track: 1, dts: atMs, pts: atMs, key: atMs % groupMs === 0, data: Uint8Array.of(0, 0, 0, 1, 9) });
    for (let sample = Math.ceil((atMs * 48) / 1024) * 1024; sample < (atMs + 40) * 48; sample += 1024) {
      packager.unit({ track: 2, dts: sample, pts: sample, key: true, data: Uint8Array.of(1, 2, 3) });
    }
  }
}

function text(): string | undefined {
  manifest ??= new PackagerManifest(packager);
  return manifest.text({ streamId: 'stream', query: '', now: 1_700_000_000_000 });
}

function periods(): string[] {
  return [...(text() ?? '').matchAll(/<Period .*?<\/Period>/gs)].map(([period]) => period);
}

beforeEach(() => {
  const clock = new FakeClock();
  packager = new Packager({ broadcast: { epoch: EPOCH, createdAt: clock.now() }, clock, config: DEFAULT_PACKAGER_CONFIG });
  packager.tracks([VIDEO, AUDIO]);
  manifest = undefined;
  atMs = 0;
});

test('there is none until a player can stay behind in the first period', () => {
  send(2600, 1000);
  expect(text()).toBeUndefined();
  send(600, 1000);
  expect(text()).toContain('type="dynamic"');
});

test('while key frames keep step, players may ask for the segment being made in both tracks', () => {
  send(5000, 1000);
  const [period = '', ...others] = periods();
  expect(others).toEqual([]);
  expect(period).toContain('<Period id="p4" start="PT1S">');
  const templates = [...period.matchAll(/<SegmentTemplate [^>]*\/>/g)].map(([tag]) => tag);
  expect(templates).toHaveLength(2);
  const ahead = 2 - (packager.leading?.header.partTargetSeconds ?? 0);
  for (const template of templates) {
    expect(template).toContain('duration="2000000" startNumber="4"');
    expect(template).toContain(`availabilityTimeOffset="${Math.round(ahead * 1000) / 1000}" availabilityTimeComplete="false"`);
  }
  expect(text()).toMatch(/<Latency target="1800" /);
  expect(text()).toContain('maxSegmentDuration="PT2S"');
  expect(text()).toContain('<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/dash/time"/>');
});

test('a period by the clock reads the same as long as it grows', () => {
  send(4000, 1000);
  const before = periods()[0]?.replaceAll(/bandwidth="\d+"/g, '');
  send(60_000, 1000);
  expect(periods().map((period) => period.replaceAll(/bandwidth="\d+"/g, ''))).toEqual([before]);
});

test('key frames out of turn end it once a listed segment can follow', () => {
  send(9000, 1000);
  // The segment from 7 s on is long: the key frames of 12, 15, 18 … s end the next ones.
  send(3500, 3000);
  expect(periods()).toHaveLength(1);
  expect(periods()[0]).not.toContain('endNumber');
  send(3500, 3000);
  const [clocked = '', listed = ''] = periods();
  expect(clocked).toMatch(/<Period id="p4" start="PT1S" duration="PT11S">/);
  expect(clocked).toContain('startNumber="4" endNumber="8"');
  expect(listed).toMatch(/<Period id="p9" start="PT12S">/);
  expect(listed).toContain('startNumber="9"');
  expect(listed).toContain('<S t="12000" d="3000"/></SegmentTimeline>');
  expect(listed).not.toContain('availabilityTime');
});

test('a publisher that is away leaves the period open, and its return ends it', () => {
  send(6500, 1000);
  packager.pause();
  expect(periods()).toEqual([expect.not.stringContaining('duration="PT')]);
  atMs = 20_000;
  packager.tracks([VIDEO, AUDIO]);
  send(2500, 1000);
  expect(periods()).toEqual([expect.stringMatching(/<Period id="p4" start="PT1S" duration="PT5\.\d+S">/), expect.stringContaining('<Period id="p7" start="PT20S">')]);
});

test('what is over is listed from its first segment on', () => {
  send(7000, 1000);
  packager.end();
  expect(text()).toContain('type="static" mediaPresentationDuration="PT7S"');
  expect(periods()).toEqual([expect.stringContaining('startNumber="3"')]);
  expect(periods()[0]).toContain('<S t="0" d="1000"/>');
});

test('players that were there to the end keep their period', () => {
  send(7000, 1000);
  expect(periods()[0]).toContain('id="p4"');
  packager.end();
  expect(text()).toContain('type="static"');
  expect(periods()).toEqual([expect.stringMatching(/<Period id="p4" start="PT0S" duration="PT6S">.*<S t="1000" d="2000"\/>/s)]);
});

test('sound alone keeps step in whole frames', () => {
  packager.tracks([AUDIO]);
  for (let i = 0; i < 60; i++) {
    send(10_000, 1000);
    // 93 frames of 1024 samples.
    expect(periods()).toEqual([expect.stringMatching(/<Period id="p4" .*duration="1984000"/s)]);
  }
});
