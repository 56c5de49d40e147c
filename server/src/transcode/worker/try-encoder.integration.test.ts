/** Encoders tried in this process: what works everywhere, and what cannot. */
import { AV_LOG_QUIET } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { beforeAll, expect, test } from 'vitest';
import { X264 } from '../job.ts';
import { tryEncoder } from './try-encoder.ts';

beforeAll(() => Log.setLevel(AV_LOG_QUIET));

test('software works everywhere', () => {
  expect(() => tryEncoder(X264)).not.toThrow();
});

test('VAAPI on a device that is no graphics card says so', () => {
  expect(() => tryEncoder({ name: 'vaapi', device: '/dev/null' })).toThrow('the device /dev/null does not open');
});
