/** Addresses become candidates, best first, of the families that are listened on. */
import { expect, test } from 'vitest';
import { hostCandidates } from './candidates.ts';

const ADDRESSES = ['2001:db8::1', '192.0.2.1'];

test('configured addresses come before that of the host', () => {
  expect(hostCandidates({ host: '192.0.2.2', addresses: ADDRESSES, port: 8189 })).toEqual([
    '1 1 udp 2130706431 2001:db8::1 8189 typ host',
    '2 1 udp 2130706175 192.0.2.1 8189 typ host',
    '3 1 udp 2130705919 192.0.2.2 8189 typ host',
  ]);
});

test('a port without IPv6 has none', () => {
  expect(hostCandidates({ host: '192.0.2.2', addresses: ADDRESSES, port: 3478, ipv4Only: true })).toEqual([
    '1 1 udp 2130706431 192.0.2.1 3478 typ host',
    '2 1 udp 2130706175 192.0.2.2 3478 typ host',
  ]);
});
