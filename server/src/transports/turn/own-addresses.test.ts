import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { OwnAddresses } from './own-addresses.ts';

test('interfaces, public addresses and all of loopback are our own, and changes are seen', () => {
  const clock = new FakeClock();
  let interfaces = ['192.168.1.5', 'fe80::1%eth0', '2001:DB8:0:0::7'];
  const own = new OwnAddresses({ clock, publicAddresses: ['198.51.100.9'], interfaceAddresses: () => interfaces });
  for (const address of ['192.168.1.5', 'fe80::1', '2001:db8::7', '198.51.100.9', '127.0.0.1', '127.9.9.9', '::1']) expect(own.has(address)).toBe(true);
  for (const address of ['192.168.1.6', '198.51.100.8', '1270.0.0.1', '']) expect(own.has(address)).toBe(false);
  interfaces = ['192.168.1.6'];
  expect(own.has('192.168.1.6')).toBe(false);
  clock.advance(10_000);
  expect([own.has('192.168.1.6'), own.has('192.168.1.5')]).toEqual([true, false]);
});

test('without further word they are those of the system', () => {
  const own = new OwnAddresses({ clock: new FakeClock(), publicAddresses: [] });
  const ipv4 = Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address));
  expect(ipv4.filter((address) => !own.has(address))).toEqual([]);
});
