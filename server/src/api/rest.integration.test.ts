/** The REST API on a real store: every suite, then whether they left any operation out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OpenApiRecorder } from '../lib/testing/openapi-recorder.ts';
import { openTemporaryStore, type TemporaryStore } from '../store/testing/temporary-store.ts';
import { accountsSuite } from './accounts.suite.ts';
import { connectivitySuite } from './connectivity.suite.ts';
import { hostileSuite } from './hostile.suite.ts';
import { recordingsSuite } from './recordings.suite.ts';
import { sourcesSuite } from './sources.suite.ts';
import { streamsSuite } from './streams.suite.ts';
import { targetsSuite } from './targets.suite.ts';
import type { Suite } from './testing/suite.ts';
import { createTestServer } from './testing/test-server.ts';
import { trustSuite } from './trust.suite.ts';
import { viewingSuite } from './viewing.suite.ts';
import { webhooksSuite } from './webhooks.suite.ts';

const recorder = new OpenApiRecorder({ part: 'api' });
let temporary: TemporaryStore | undefined;

const suite: Suite = {
  server(options = {}) {
    if (!temporary) throw new Error('the store is not open');
    return createTestServer({ ...options, store: temporary.store, recorder });
  },
};

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary?.[Symbol.asyncDispose]();
});

describe('accounts', () => accountsSuite(suite));
describe('streams', () => streamsSuite(suite));
describe('targets', () => targetsSuite(suite));
describe('recordings', () => recordingsSuite(suite));
describe('sources', () => sourcesSuite(suite));
describe('viewing', () => viewingSuite(suite));
describe('connectivity', () => connectivitySuite(suite));
describe('trust', () => trustSuite(suite));
describe('webhooks', () => webhooksSuite(suite));
describe('hostile requests', () => hostileSuite(suite));

test('every operation of the OpenAPI document was called with success', () => {
  expect(recorder.missing()).toEqual([]);
});
