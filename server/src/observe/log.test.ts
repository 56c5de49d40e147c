import fc from 'fast-check';
import { expect, it } from 'vitest';
import { makeLog } from './log.ts';

const KEY = 'mk_abcdefghijklmnopqrstuvwxyz0123456789ABCD';
const TOKEN = 'lq3z9k.Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6';

function capture() {
  const lines: string[] = [];
  return { lines, log: makeLog('debug', { write: (line) => lines.push(line) }) };
}

it('writes a line of JSON with its level, time and context', () => {
  const { lines, log } = capture();
  log.child({ streamId: 's1' }).info({ protocol: 'rtmp' }, 'publisher connected');
  expect(JSON.parse(lines[0] ?? '')).toEqual({ level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), streamId: 's1', protocol: 'rtmp', msg: 'publisher connected' });
});

it('leaves out what is below its level', () => {
  const lines: string[] = [];
  makeLog('warn', { write: (line) => lines.push(line) }).info({}, 'quiet');
  expect(lines).toEqual([]);
});

it('hides secrets in fields, by name at any depth it logs, and in context', () => {
  const { lines, log } = capture();
  log.info({ key: 'k', token: 't', request: { headers: { cookie: 'c', authorization: 'a' }, streamKey: 's' } }, 'x');
  log.child({ key: 'k' }).info({}, 'x');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    key: '[hidden]',
    token: '[hidden]',
    request: { headers: { cookie: '[hidden]', authorization: '[hidden]' }, streamKey: '[hidden]' },
  });
  expect(lines[1]).not.toContain('"k"');
});

it('hides secrets wherever they stand in text: messages, addresses, errors and their stacks', () => {
  const { lines, log } = capture();
  log.warn({ url: `rtmp://host/live/${KEY}`, err: new Error(`no stream with key ${KEY}`) }, `refused ${KEY}`);
  log.info({ path: `/hls/x/index.m3u8?_HLS_msn=3&token=${TOKEN}&x=1` }, `Authorization: Bearer ${TOKEN}`);
  log.info({ protocols: `millrace.stream.v1, bearer.${TOKEN}`, header: `a=b; millrace_session=${TOKEN}; c=d` }, 'x');
  log.error({ err: new Error('connect postgres://millrace:hunter2@db/live failed') }, 'x');
  log.error({ err: new Error('cannot sign with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') }, 'x');
  const text = lines.join('');
  for (const secret of [KEY, TOKEN, 'hunter2', 'MfKQ9r8GKYqr']) expect(text).not.toContain(secret);
  expect(text).toContain('_HLS_msn=3');
  expect(text).toContain('x=1');
});

it('[log] never lets a key through, wherever it is, and stays JSON', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.object({ maxDepth: 3 }), (before, after, fields) => {
      const { lines, log } = capture();
      log.info({ ...fields, nested: { list: [`${before} ${KEY} ${after}`] } }, `${before} ?token=${TOKEN}`);
      expect(lines.join('')).not.toContain(KEY);
      expect(lines.join('')).not.toContain(TOKEN);
      expect(() => JSON.parse(lines[0] ?? '')).not.toThrow();
    }),
    { seed: 20_261_126, numRuns: 300 },
  );
});
