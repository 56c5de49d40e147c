/** What whoever runs the server meets: starts that cannot work, stops, crashes and the log. */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Playback } from '@millrace/contract/entities/stream';
import { CLOSE_SERVER_STOPPING, STREAM_SOCKET_PROTOCOL, streamSocketPath } from '@millrace/contract/protocol';
import { afterAll, describe, type ExpectStatic, expect, test } from 'vitest';
import { Owner } from './harness/api.ts';
import { TemporaryFolder } from './harness/folder.ts';
import { freePort } from './harness/free-port.ts';
import { followPlaylist, renditionsOf } from './harness/playlist-follower.ts';
import { LIGHT, publishWithFfmpeg } from './harness/publisher.ts';
import { DataFolder, type RunningServer, spawnServer, startServer } from './harness/server.ts';
import { until, within } from './harness/until.ts';

/** Little to encode. */
const PICTURE = { video: LIGHT, fps: '15' };

/** A start that cannot work says so within this time. */
const FAIL_MS = 20_000;

/** Starts that are to fail do not make a database first. */
const prepared = new DataFolder();
afterAll(() => prepared[Symbol.dispose]());

test('a port in use stops the start with a sentence that names it', async () => {
  await using blocker = await occupyPort();
  for (const key of ['PORT', 'HTTPS_PORT', 'RTMP_PORT', 'RTMPS_PORT', 'TURN_PORT', 'TURNS_PORT']) {
    const said = await failedStart({ [key]: String(blocker.port) });
    expect(said).toContain(String(blocker.port));
    expect(said).toMatch(/in use/i);
    expect(said).toContain(key);
  }
});

test('a UDP port in use stops the start with a sentence that names it', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  const said = await failedStart({ WEBRTC_PORT: String(port) });
  socket.close();
  expect(said).toContain(`Port ${port} for WebRTC is in use by another program`);
  expect(said).toContain('WEBRTC_PORT');
});

test('a data folder that cannot be written stops the start with a sentence that names it', async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, 'a-file');
  writeFileSync(path, '');
  const said = await failedStart({ DATA_DIR: path });
  expect(said).toContain(path);
  expect(said).toMatch(/DATA_DIR/);
});

test('a database that cannot be reached stops the start with a sentence that keeps its password', async () => {
  const port = await freePort();
  const said = await failedStart({ DATABASE_URL: `postgresql://millrace:a-secret-password@127.0.0.1:${port}/millrace` });
  expect(said).toMatch(/database/i);
  expect(said).toContain(String(port));
  expect(said).not.toContain('a-secret-password');
});

test('a wrong setting stops the start with its name, its value and what is allowed', async () => {
  const said = await failedStart({ PORT: 'eighty' });
  expect(said).toMatch(/PORT.*eighty/);
  expect(said).toContain('65535');
});

describe.concurrent('a running server', () => {
  test('from its ready line to a stop in mid-broadcast: one line on stdout, nobody left untold, exit with 0, and no secret in the log', async ({ expect }) => {
    // At its most talkative.
    await using server = await startServer({ env: { LOG_LEVEL: 'debug' } });
    expect(server.child.stdout, 'the ready line alone, with the addresses').toHaveLength(1);
    for (const path of ['healthz', 'readyz']) expect((await fetch(`${server.http}/${path}`)).status, path).toBe(200);
    const owner = await Owner.guest(server.http);
    const { stream, streamKey } = await owner.create({ title: 'Stopped in the middle', visibility: 'private' });
    const { token, playback } = await owner.playbackToken(stream.id);
    const wrongKey = `mk_${'wrong'.repeat(8)}`;
    await using refused = publishWithFfmpeg(`${server.rtmp}/${wrongKey}`, PICTURE);
    await using encoder = publishWithFfmpeg(`${server.rtmp}/${streamKey}`, PICTURE);
    expect((await within(refused.exited, 15_000, 'the wrong key to be refused')).code).not.toBe(0);
    await owner.untilStatus(stream.id, 'live', 15_000);
    await showSecrets(expect, { server, streamId: stream.id, code: stream.code, playback, secrets: { streamKey, wrongKey, token, ownerToken: owner.token } });
    const [media = ''] = await renditionsOf(playback.hls);
    let playlist = '';
    const followed = followPlaylist(media, {
      see: (text) => {
        playlist = text;
      },
      signal: AbortSignal.timeout(30_000),
    });
    const told: string[] = [];
    const socket = openSocket(server, stream.id, `?token=${token}`);
    socket.addEventListener('message', ({ data }) => told.push(String(data)));
    const hungUp = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
    await until(() => told.length > 0 && playlist !== '', { what: 'a playlist and the status on the socket', timeoutMs: 10_000 });
    expect(await server.stop(), 'a stop ends with 0').toEqual({ code: 0, signal: null });
    await within(encoder.exited, 10_000, 'the encoder to notice');
    // The reload that was held when the stop began is answered with the end.
    await within(followed, 10_000, 'the playlist to end');
    expect(playlist).toContain('#EXT-X-ENDLIST');
    expect(await within(hungUp, 10_000, 'the socket to close')).toBe(CLOSE_SERVER_STOPPING);
    expect(told.map((text) => JSON.parse(text))).toContainEqual(expect.objectContaining({ type: 'STREAM_STATUS_CHANGED', status: 'ended' }));
    expect(server.child.stdout, 'nothing was added to the one line').toHaveLength(1);
    const log = server.child.stderr.join('\n');
    for (const secret of [streamKey, streamKey.slice(3), wrongKey, token, owner.token]) expect(log.includes(secret), 'a key, a token or a session in the log').toBe(false);
    // The log does tell what happened: it is quiet about the key alone.
    expect(log).toContain(stream.id);
  });

  test('a crash loses nothing that was acknowledged, and the restarted server tells the truth about a broadcast', async ({ expect }) => {
    using folder = new DataFolder();
    const dataDir = folder.data;
    const ports = { PORT: String(await freePort()), RTMP_PORT: String(await freePort()), RECONNECT_GRACE_SECONDS: '4' };
    const server = await startServer({ dataDir, env: ports });
    const owner = await Owner.guest(server.http);
    const left = await owner.create({ title: 'Publisher stays away' });
    const back = await owner.create({ title: 'Publisher comes back' });
    const encoders = [left, back].map(({ streamKey }) => publishWithFfmpeg(`${server.rtmp}/${streamKey}`, PICTURE));
    const before = await Promise.all([left, back].map(({ stream }) => owner.untilStatus(stream.id, 'live', 15_000)));
    const acknowledged: string[] = [];
    for (let i = 0; i < 10; i++) acknowledged.push((await owner.create({ title: `Acknowledged ${i}` })).stream.id);
    await server.kill();
    await Promise.all(encoders.map((encoder) => encoder.stop('SIGKILL')));

    await using again = await startServer({ dataDir, env: ports });
    for (const id of acknowledged) expect((await owner.get(id)).stream.id).toBe(id);
    for (const { stream } of [left, back]) expect((await owner.get(stream.id)).stream.status).toBe('reconnecting');
    await using _encoder = publishWithFfmpeg(`${again.rtmp}/${back.streamKey}`, PICTURE);
    const live = await owner.untilStatus(back.stream.id, 'live', 15_000);
    expect(live.stream.broadcast?.id).toBe(before[1]?.stream.broadcast?.id);
    const ended = await owner.untilStatus(left.stream.id, 'ended', 15_000);
    expect(ended.stream.broadcast).toMatchObject({ id: before[0]?.stream.broadcast?.id, endReason: 'reconnect_timeout' });
  });
});

interface Shown {
  readonly server: RunningServer;
  readonly streamId: string;
  readonly code: string;
  readonly playback: Playback;
  readonly secrets: Readonly<Record<'streamKey' | 'wrongKey' | 'token' | 'ownerToken', string>>;
}

/** In every place where one can be shown, whether it is taken or not. */
async function showSecrets(expect: ExpectStatic, { server, streamId, code, playback, secrets }: Shown): Promise<void> {
  const { streamKey, wrongKey, token, ownerToken } = secrets;
  expect((await fetch(playback.hls)).status).toBe(200);
  const offer = { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: 'no offer' };
  const bearing = (secret: string) => ({ ...offer, headers: { ...offer.headers, authorization: `Bearer ${secret}` } });
  const whip = `${server.http}/whip/${streamId}`;
  const asked = [
    ...[fetch(whip, bearing(streamKey)), fetch(whip, bearing(wrongKey)), fetch(`${whip}?token=${streamKey}`, offer)],
    ...[fetch(playback.whep, offer), fetch(`${server.http}/whep/${streamId}`, bearing(token)), fetch(`${playback.dash}&again`, { method: 'POST' })],
    ...[fetch(`${server.http}/api/v1/codes/${code}?token=${token}`), fetch(`${server.http}/nothing/${streamKey}?token=${token}`)],
  ];
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([400, 401, 401, 400, 400, 405, 200, 404]);
  for (const [query, ...protocols] of [[`?token=${token}`], ['', `bearer.${ownerToken}`], ['', `bearer.${wrongKey}`]] as const) {
    const socket = openSocket(server, streamId, query, protocols);
    await new Promise((resolve) => {
      socket.addEventListener('message', resolve);
      socket.addEventListener('close', resolve);
    });
    socket.close();
  }
}

function openSocket(server: RunningServer, streamId: string, query: string, protocols: readonly string[] = []): WebSocket {
  return new WebSocket(`${server.http.replace(/^http/, 'ws')}${streamSocketPath(streamId)}${query}`, [STREAM_SOCKET_PROTOCOL, ...protocols]);
}

async function failedStart(env: Readonly<Record<string, string>>): Promise<string> {
  await using child = spawnServer({ DATA_DIR: prepared.data, ...env });
  const { code } = await within(child.exited, FAIL_MS, 'the start to fail');
  expect(code, child.tail()).toBeGreaterThan(0);
  expect(child.stdout).toEqual([]);
  const said = child.stderr.join('\n');
  // A sentence for a person, not a stack trace.
  expect(said).not.toMatch(/^\s+at /m);
  return said;
}

async function occupyPort() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
