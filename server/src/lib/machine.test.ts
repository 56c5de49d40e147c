import { describe, expect, test } from 'vitest';
import { lanAddressOf, localNameOf, type Machine, namesOf, thisMachine } from './machine.ts';

const address = (text: string, interfaceName: string): Machine['addresses'][number] => ({ address: text, family: text.includes(':') ? 'IPv6' : 'IPv4', interfaceName });
const laptop: Machine = { hostName: 'Laptop.fritz.box', addresses: [address('172.17.0.1', 'docker0'), address('fd00::5', 'wlan0'), address('192.168.178.20', 'wlan0')] };

describe('what a machine is called', () => {
  test('is its name, its name on the local network, loopback and every address', () => {
    expect(namesOf(laptop, '0.0.0.0')).toEqual({
      dns: ['localhost', 'laptop.fritz.box', 'laptop.local'],
      ips: ['127.0.0.1', '::1', '172.17.0.1', 'fd00::5', '192.168.178.20'],
    });
  });

  test('counts the address or name it listens on', () => {
    expect(namesOf(laptop, '203.0.113.9').ips).toContain('203.0.113.9');
    expect(namesOf(laptop, 'Cam.Example').dns).toContain('cam.example');
  });

  test.each(['', '.', 'with space', '-x', 'ümlaut', 'a'.repeat(64), 'localhost'])('the system name %j is no name for others', (hostName) => {
    expect(localNameOf({ hostName, addresses: [] })).toBeUndefined();
    expect(namesOf({ hostName, addresses: [] }, '::')).toEqual({ dns: ['localhost'], ips: ['127.0.0.1', '::1'] });
  });
});

describe('the address that a phone reaches', () => {
  test('is the one where the way out begins', async () => {
    expect(await lanAddressOf(laptop, async () => '192.168.178.20')).toBe('192.168.178.20');
  });

  test('is otherwise the first IPv4 address that is not a container’s', async () => {
    expect(await lanAddressOf(laptop, async () => undefined)).toBe('192.168.178.20');
    expect(await lanAddressOf({ ...laptop, addresses: laptop.addresses.slice(0, 1) }, async () => '10.9.9.9')).toBe('172.17.0.1');
    expect(await lanAddressOf({ ...laptop, addresses: [] }, async () => undefined)).toBeUndefined();
  });

  test('is found on this machine without sending anything, or is none', async () => {
    const machine = thisMachine();
    const found = await lanAddressOf(machine);
    expect(found === undefined || machine.addresses.some((own) => own.address === found)).toBe(true);
  });
});
