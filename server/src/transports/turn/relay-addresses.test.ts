import { formatIp } from '@millrace/media/stun/ip';
import { expect, test } from 'vitest';
import type { ClientLink } from './client-link.ts';
import { RelayAddresses } from './relay-addresses.ts';
import { addressOf } from './testing/turn-client.ts';

/** A client that came over TCP, whose socket tells which address it reached. */
function clientFrom(remoteAddress: string, localAddress: string): ClientLink {
  return { transport: 'tcp', key: 'a', isOpen: true, remote: addressOf(remoteAddress, 1), remoteAddress, localAddress, send() {}, relay: () => true };
}

async function relayedTo(client: ClientLink, host = '0.0.0.0'): Promise<string> {
  return formatIp(await new RelayAddresses({ host, publicAddresses: ['2606:4700::9', '9.9.9.9'] }).towards(client, 4));
}

test('a client of the internet is told the public address, one of the LAN the address it reached', async () => {
  expect(await relayedTo(clientFrom('8.8.8.8', '192.168.1.5'))).toBe('9.9.9.9');
  expect(await relayedTo(clientFrom('192.168.1.7', '192.168.1.5'))).toBe('192.168.1.5');
  expect(await relayedTo(clientFrom('8.8.8.8', '::ffff:1.1.1.1'), '::')).toBe('1.1.1.1');
  expect(await relayedTo(clientFrom('127.0.0.1', '127.0.0.1'))).toBe('127.0.0.1');
});

test('a server on one address is known by that one', async () => {
  expect(await relayedTo(clientFrom('192.168.1.7', '192.168.1.5'), '192.168.1.6')).toBe('192.168.1.6');
});

test('relays are bound to what the server listens on, by family', () => {
  const hosts = (host: string) => new RelayAddresses({ host, publicAddresses: [] }).hosts;
  expect(hosts('0.0.0.0')).toEqual({ 4: '0.0.0.0', 6: undefined });
  expect(hosts('::')).toEqual({ 4: '0.0.0.0', 6: '::' });
  expect(hosts('2606:4700::9')).toEqual({ 4: undefined, 6: '2606:4700::9' });
  expect(hosts('192.168.1.6')).toEqual({ 4: '192.168.1.6', 6: undefined });
});
