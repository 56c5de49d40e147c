/** Debian's coturn on either side: its client through our relay, and our credentials at its server. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { systemClock } from '../../lib/clock.ts';
import { IceServers } from './ice-servers.ts';
import { runCoturnClient, startCoturn } from './testing/coturn.ts';
import { makeCertificate, TurnStand } from './testing/turn-stand.ts';

beforeAll(() => ensureTool('coturn'), 300_000);

describe.concurrent('coturn’s client through our relay', () => {
  test.each([
    { name: 'channels over UDP', options: [] },
    { name: 'indications over UDP', options: ['-s'] },
    { name: 'channels over TCP', options: ['-t'] },
    { name: 'indications over TCP', options: ['-t', '-s'] },
    // Of several TLS records that come together, as they may on a busy machine, it reads one: they are sent 150 ms apart.
    { name: 'channels over TLS', options: ['-t', '-S', '-z', '150'] },
    { name: 'two relays to each other', options: ['-y'] },
  ])('$name', async ({ options }) => {
    await using stand = await TurnStand.start({ allowedPeers: ['127.0.0.0/8'], tls: makeCertificate() });
    const port = options.includes('-S') ? stand.tlsPort : stand.port;
    const { code, output } = await runCoturnClient(stand.credentials(), [...options, '-p', String(port)]);
    expect(code, output).toBe(0);
    expect(output).toContain('Total lost packets 0 (0.000000%)');
    expect(stand.server.counters.bytesToClients).toBeGreaterThanOrEqual(10 * 171);
  });

  test('with expired credentials it is turned away', async () => {
    await using stand = await TurnStand.start({ allowedPeers: ['127.0.0.0/8'] });
    const { code } = await runCoturnClient(stand.credentials('user', -1_000), ['-p', String(stand.port)]);
    expect(code).not.toBe(0);
    expect(stand.server.counters.refusals.get('expired')).toBeGreaterThan(0);
  });
});

test('coturn accepts the credentials that TURN_SECRET makes, and no others', async () => {
  await using coturn = await startCoturn('shared with coturn');
  const issue = (secret: string) => {
    const urls = [`stun:127.0.0.1:${coturn.port}`, `turn:127.0.0.1:${coturn.port}?transport=udp`];
    const issued = new IceServers({
      clock: systemClock,
      secret,
      urls,
      ports: () => undefined,
      isTlsTrusted: () => false,
      httpsPort: () => undefined,
      fallbackHostname: 'localhost',
    }).issue('somebody');
    const [stun, turn] = issued.iceServers;
    expect([stun?.urls, turn?.urls]).toEqual([[urls[0]], [urls[1]]]);
    return { username: turn?.username ?? '', credential: turn?.credential ?? '', expiresAtMs: issued.expiresAt.getTime() };
  };
  const { code, output } = await runCoturnClient(issue('shared with coturn'), ['-p', String(coturn.port)]);
  expect(code, output).toBe(0);
  expect((await runCoturnClient(issue('another secret'), ['-p', String(coturn.port)])).code).not.toBe(0);
});
