import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressBytes, constraintsFor, coveredBy, encodeConstraints } from './name-constraints.ts';

describe('what the authority may vouch for', () => {
  const constraints = constraintsFor({ dns: ['localhost', 'laptop', 'laptop.local'], ips: ['127.0.0.1', '192.168.1.5', '203.0.113.9', '2001:db8:1:2::5'] });

  test('is this machine, .local names and private networks', () => {
    const names = { dns: ['localhost', 'laptop', 'other.local', 'bank.example'], ips: ['10.1.2.3', '8.8.8.8', 'fd00::1', '203.0.113.9', '2001:db8:1:2::77', '2001:db8:1:3::1'] };
    expect(coveredBy(constraints, names)).toEqual({
      covered: { dns: ['localhost', 'laptop', 'other.local'], ips: ['10.1.2.3', 'fd00::1', '203.0.113.9', '2001:db8:1:2::77'] },
      left: { dns: ['bank.example'], ips: ['8.8.8.8', '2001:db8:1:3::1'] },
    });
  });

  test('does not grow by names that merely end alike', () => {
    expect(coveredBy(constraints, { dns: ['notlaptop', 'evillocal', 'localhost.example'], ips: [] }).covered.dns).toEqual([]);
  });

  test('is written with masks and without bits below them', () => {
    const bytes = encodeConstraints({ dns: ['a'], subnets: [{ address: '172.31.255.255', prefix: 12 }] });
    // SEQUENCE { [0] { SEQUENCE { [2] "a" } SEQUENCE { [7] address, mask } } }
    expect(bytes.toString('hex')).toBe(['3013a011', '3003820161', '300a8708ac100000fff00000'].join(''));
  });
});

test('addresses in text become their bytes, however they are shortened', () => {
  expect([...addressBytes('192.168.0.255')]).toEqual([192, 168, 0, 255]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
      const text = new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]/`).hostname.slice(1, -1);
      expect([...addressBytes(text)]).toEqual(groups.flatMap((group) => [group >> 8, group & 0xff]));
    }),
    { seed: 20261121 },
  );
});
