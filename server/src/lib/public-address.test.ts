import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { PublicAddresses } from './public-address.ts';

const OWN = '9.9.9.9';

interface Options {
  readonly names?: Readonly<Record<string, readonly string[]>>;
  readonly allowPrivate?: boolean;
}

function guard({ names = {}, allowPrivate = false }: Options = {}): PublicAddresses {
  return new PublicAddresses({
    allowPrivate,
    isOwnAddress: (address) => address === OWN,
    resolve: async (hostname) => (names[hostname] ?? []).map((address) => ({ address })),
  });
}

async function textOf(addresses: PublicAddresses, hostname: string): Promise<string[]> {
  return (await addresses.resolvePublic(hostname)).map(({ address }) => address);
}

const PRIVATE = [
  ...['0.0.0.0', '10.0.0.1', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.31.255.255', '192.0.0.1', '192.168.0.1', '198.19.255.255', '203.0.113.1', '224.0.0.1'],
  ...['255.255.255.255', '::', '::1', 'fe80::1', 'fe80::1%eth0', 'fd12::1', 'ff02::1', '2001:db8::1', '2002:7f00:1::1', '64:ff9b::7f00:1', '64:ff9b::a00:1', '64:ff9b:1::1'],
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:7f00:1', '::127.0.0.1', OWN, `::ffff:${OWN}`],
];

describe('a host on the open internet', () => {
  test.each([
    ['8.8.8.8', '8.8.8.8', 4],
    ['[2606:4700::1111]', '2606:4700::1111', 6],
    ['2606:4700::1111', '2606:4700::1111', 6],
    ['::ffff:8.8.8.8', '8.8.8.8', 4],
  ])('%s may be called', async (host, address, family) => {
    expect(await guard().resolvePublic(host)).toEqual([{ address, family }]);
  });

  test('of several addresses the private ones are left out', async () => {
    const addresses = guard({ names: { 'mixed.example': ['10.0.0.1', '8.8.8.8', '::1', '2606:4700::1111', OWN] } });
    expect(await textOf(addresses, 'mixed.example')).toEqual(['8.8.8.8', '2606:4700::1111']);
  });
});

describe('everything else', () => {
  test.each(PRIVATE)('%s is refused, as an address and behind a name', async (address) => {
    const addresses = guard({ names: { 'inside.example': [address], [address]: [address] } });
    for (const host of [address, `[${address}]`, 'inside.example']) await expect(addresses.resolvePublic(host)).rejects.toMatchObject({ code: 'address_not_allowed' });
  });

  test.each(['2130706433', '0x7f000001', '0177.0.0.1', '127.1', 'localhost'])('%s, which the system’s resolver knows as this machine, is refused', async (host) => {
    const addresses = new PublicAddresses({ allowPrivate: false, isOwnAddress: () => false });
    await expect(addresses.resolvePublic(host)).rejects.toThrow();
    expect(await textOf(new PublicAddresses({ allowPrivate: true, isOwnAddress: () => false }), host)).not.toEqual([]);
  });

  test('is let through when the operator allows it, but what is no single machine', async () => {
    const addresses = guard({ allowPrivate: true });
    expect(await textOf(addresses, '::ffff:127.0.0.1')).toEqual(['127.0.0.1']);
    expect(await textOf(addresses, OWN)).toEqual([OWN]);
    for (const address of ['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', 'ff02::1', '::ffff:0.0.0.0']) {
      await expect(addresses.resolvePublic(address)).rejects.toMatchObject({ code: 'address_not_allowed' });
    }
  });

  test('a resolver that does not answer is waited for until the signal', async () => {
    const addresses = new PublicAddresses({ allowPrivate: false, isOwnAddress: () => false, resolve: () => new Promise(() => {}) });
    const abort = new AbortController();
    const resolving = addresses.resolvePublic('slow.example', abort.signal);
    abort.abort(new Error('took too long'));
    await expect(resolving).rejects.toThrow('took too long');
    await expect(addresses.resolvePublic('8.8.8.8', abort.signal)).rejects.toThrow('took too long');
  });
});

describe('connecting by lookup', () => {
  test('a name that leads inside is refused at the moment of connecting, whatever it led to before', async () => {
    let answer = '8.8.8.8';
    const addresses = new PublicAddresses({ allowPrivate: false, isOwnAddress: () => false, resolve: async () => [{ address: answer }] });
    await addresses.resolvePublic('rebound.example');
    answer = '127.0.0.1';
    const socket = connect({ host: 'rebound.example', port: 9, lookup: addresses.lookup });
    const error = await new Promise((resolve) => socket.once('error', resolve));
    expect(error).toMatchObject({ code: 'address_not_allowed' });
  });

  test('one family is given when one is asked for', async () => {
    const addresses = guard({ names: { 'both.example': ['8.8.8.8', '2606:4700::1111'], 'old.example': ['8.8.8.8'] } });
    const look = (hostname: string, family: number) =>
      new Promise<unknown>((resolve) => addresses.lookup(hostname, { family }, (error, address, found) => resolve(error ?? [address, found])));
    expect(await look('both.example', 0)).toEqual(['8.8.8.8', 4]);
    expect(await look('both.example', 6)).toEqual(['2606:4700::1111', 6]);
    expect(await look('old.example', 6)).toMatchObject({ code: 'address_not_allowed' });
  });

  test('a request reaches the server that its name permits', async () => {
    const server = createServer((_, response) => response.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const listening = server.address();
    if (listening === null || typeof listening === 'string') throw new Error('not listening');
    const addresses = guard({ names: { 'inside.example': ['127.0.0.1'] }, allowPrivate: true });
    const status = await new Promise((resolve, reject) =>
      request({ host: 'inside.example', port: listening.port, lookup: addresses.lookup }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end(),
    );
    server.close();
    expect(status).toBe(200);
  });
});
