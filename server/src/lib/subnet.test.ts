import { formatIp, parseIp } from '@millrace/media/stun/ip';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInSubnet, parseSubnet } from './subnet.ts';

function isIn(address: string, subnet: string): boolean {
  const [ip, parsed] = [parseIp(address), parseSubnet(subnet)];
  if (!ip || !parsed) throw new Error(`${address} or ${subnet} cannot be read`);
  return isInSubnet(ip, parsed);
}

describe('subnets', () => {
  test.each([
    ['10.255.255.255', '10.0.0.0/8', true],
    ['11.0.0.0', '10.0.0.0/8', false],
    ['172.31.255.255', '172.16.0.0/12', true],
    ['172.32.0.0', '172.16.0.0/12', false],
    ['8.8.8.8', '0.0.0.0/0', true],
    ['192.168.1.7', '192.168.1.7', true],
    ['192.168.1.6', '192.168.1.7/32', false],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['2001:db8:ffff::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['10.0.0.1', '::/0', false],
    ['::1', '0.0.0.0/0', false],
  ])('%s in %s: %s', (address, subnet, expected) => {
    expect(isIn(address, subnet)).toBe(expected);
  });

  test.each([
    '',
    '/',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.1/8',
    '10.0.0.0/255.0.0.0',
    '::/129',
    'fe80::1/64',
    'all',
    ' 10.0.0.0/8',
    '10/8',
  ])('%j is none', (text) => {
    expect(parseSubnet(text)).toBeUndefined();
  });

  test('a subnet holds exactly the addresses that begin as it does', () => {
    const bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
    const bitsOf = (ip: Uint8Array) => Array.from(ip, (byte) => byte.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(bytes, bytes, fc.nat(32), (address, other, bits) => {
        const prefix = bitsOf(other).slice(0, bits).padEnd(32, '0');
        const ip = Uint8Array.from(prefix.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
        const subnet = parseSubnet(`${formatIp(ip)}/${bits}`);
        expect(subnet && isInSubnet(address, subnet)).toBe(bitsOf(address).startsWith(prefix.slice(0, bits)));
      }),
    );
  });
});
