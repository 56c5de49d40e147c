import { parseIp } from '@millrace/media/stun/ip';
import { expect, test } from 'vitest';
import { parseSubnet } from '../../lib/subnet.ts';
import { PeerFilter } from './peer-filter.ts';

function mayReach(address: string, ...allowed: readonly string[]): boolean {
  const ip = parseIp(address);
  if (!ip) throw new Error(`${address} is no address`);
  return new PeerFilter({ allowed: allowed.flatMap((text) => parseSubnet(text) ?? []), isOwnAddress: (own) => own === '9.9.9.9' }).mayReach(ip);
}

test.each(['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '2606:4700::1111', '2a00:1450:4001::1'])(
  '%s is of the open internet',
  (address) => {
    expect(mayReach(address)).toBe(true);
  },
);

test.each([
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.255', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1'],
  ...['192.88.99.1', '192.168.0.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...['::', '::1', 'fe80::1', 'fc00::1', 'fd12::1', 'ff02::1', '2001:db8::1', '3fff::1', '2002:7f00:1::1', '2001:0:1::1', '64:ff9b::7f00:1', '64:ff9b:1::1', '100::1', 'fec0::1'],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:0:127.0.0.1', '::127.0.0.1', '::10.0.0.1'],
])('%s is not', (address) => {
  expect(mayReach(address)).toBe(false);
});

test('this machine’s own public address is not, unless it is listed', () => {
  expect([mayReach('9.9.9.9'), mayReach('::ffff:9.9.9.9'), mayReach('9.9.9.9', '9.9.9.9/32')]).toEqual([false, false, true]);
});

test('what the operator lists is reached, and nothing beside it', () => {
  expect(mayReach('192.168.1.20', '192.168.1.0/24')).toBe(true);
  expect(mayReach('192.168.2.20', '192.168.1.0/24')).toBe(false);
  expect(mayReach('::ffff:192.168.1.20', '192.168.1.0/24')).toBe(true);
  expect(mayReach('fd12::5', 'fd12::/16')).toBe(true);
});

test.each(['0.0.0.0', '224.0.0.251', '255.255.255.255', '::', 'ff02::1', '::ffff:224.0.0.1', '::ffff:0.0.0.0'])('%s is no single machine: no list opens it', (address) => {
  expect(mayReach(address, '0.0.0.0/0', '::/0')).toBe(false);
});
