import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { readUsername } from './credentials.ts';
import { IceServers, type IceServersDeps } from './ice-servers.ts';
import { NONCE_LIFETIME_MS, Nonces } from './nonces.ts';

function make(options: Partial<IceServersDeps> = {}): IceServers {
  const ports = { port: 3478, tlsPort: 5349 };
  return new IceServers({
    clock: new FakeClock(1_000_000_000_000),
    secret: 'secret',
    urls: undefined,
    ports: () => ports,
    isTlsTrusted: () => true,
    httpsPort: () => undefined,
    fallbackHostname: 'fallback.example',
    ...options,
  });
}

describe('the servers a browser gets', () => {
  test('are STUN, TURN over UDP, and TURN over TLS with credentials that end', () => {
    const { iceServers, expiresAt } = make().issue('somebody', 'live.example');
    const username = '1000021600:somebody';
    expect(iceServers).toEqual([
      { urls: ['stun:live.example:3478'] },
      {
        urls: ['turn:live.example:3478?transport=udp', 'turns:live.example:5349?transport=tcp'],
        username,
        credential: createHmac('sha1', 'secret').update(username).digest('base64'),
      },
    ]);
    expect(expiresAt).toEqual(new Date(1_000_021_600_000));
  });

  test('have TCP in place of TLS when browsers do not know the certificate or there is none', () => {
    const overTcp = ['turn:fallback.example:3478?transport=udp', 'turn:fallback.example:3478?transport=tcp'];
    expect(make({ isTlsTrusted: () => false }).for('somebody')[1]?.urls).toEqual(overTcp);
    expect(make({ ports: () => ({ port: 3478, tlsPort: undefined }) }).for('somebody')[1]?.urls).toEqual(overTcp);
  });

  test('have TURN on the port of HTTPS too, when browsers know the certificate', () => {
    const both = ['turn:fallback.example:3478?transport=udp', 'turns:fallback.example:5349?transport=tcp', 'turns:fallback.example:443?transport=tcp'];
    expect(make({ httpsPort: () => 443 }).for('somebody')[1]?.urls).toEqual(both);
    expect(make({ httpsPort: () => 443, ports: () => ({ port: 3478, tlsPort: undefined }) }).for('somebody')[1]?.urls).toEqual([both[0], both[2]]);
    expect(make({ httpsPort: () => 5349 }).for('somebody')[1]?.urls).toEqual(both.slice(0, 2));
    expect(make({ httpsPort: () => 443, isTlsTrusted: () => false }).for('somebody')[1]?.urls).toHaveLength(2);
  });

  test('are none when the relay is off, and another server’s when its addresses are set', () => {
    expect(make({ ports: () => undefined }).for('somebody')).toEqual([]);
    const urls = ['turn:turn.example:3478', 'turns:turn.example:443?transport=tcp'];
    expect(make({ urls }).for('somebody', 'live.example')).toMatchObject([{ urls, username: '1000021600:somebody' }]);
  });
});

describe('usernames', () => {
  test('say until when and who', () => {
    expect(readUsername('1000:a:b')).toEqual({ user: 'a:b', expiresAtMs: 1_000_000 });
    for (const text of ['', ':', '1000:', ':a', 'x:a', '-1:a', '1e3:a', '1000', `1:${'a'.repeat(201)}`, '1234567890123:a']) expect(readUsername(text)).toBeUndefined();
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void readUsername(text)));
  });
});

describe('nonces', () => {
  test('are good for one client until they end', () => {
    const clock = new FakeClock();
    const nonces = new Nonces(new Uint8Array(32), clock);
    const nonce = nonces.issue('a');
    expect(nonces.isValid(nonce, 'a')).toBe(true);
    expect(nonces.isValid(nonce, 'b')).toBe(false);
    expect(new Nonces(new Uint8Array(32).fill(1), clock).isValid(nonce, 'a')).toBe(false);
    clock.advance(NONCE_LIFETIME_MS + 1_000);
    expect(nonces.isValid(nonce, 'a')).toBe(false);
  });

  test('cannot be made up or given more time', () => {
    const nonces = new Nonces(new Uint8Array(32), new FakeClock());
    const nonce = nonces.issue('a');
    expect(nonces.isValid(`z${nonce.slice(1)}`, 'a')).toBe(false);
    fc.assert(fc.property(fc.oneof(fc.string({ maxLength: 40 }), fc.stringMatching(/^[\w-]{20}$/)), (text) => !nonces.isValid(text, 'a')));
  });
});
