/** The certificates as clients meet them: real TLS, OpenSSL's opinion, files on disk, time and addresses that change. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import type { Machine } from '../lib/machine.ts';
import { StartError } from '../lib/start-error.ts';
import { type QuietLog, quietLog } from '../lib/testing/quiet-log.ts';
import { selfSigned } from '../lib/testing/self-signed.ts';
import { LEAF_DAYS } from './authority.ts';
import { Certificates } from './certificates.ts';
import type { CertificateFiles } from './given-certificate.ts';

const DAY_MS = 86_400_000;
const run = promisify(execFile);

let folder = '';
let clock: FakeClock;
let log: QuietLog;
let machine: Machine;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'millrace-tls-')), 'tls');
  clock = new FakeClock(Date.now());
  log = quietLog();
  machine = { hostName: 'laptop', addresses: [on('192.168.1.20'), on('fd00::20')] };
});

afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

function on(address: string): Machine['addresses'][number] {
  return { address, family: address.includes(':') ? 'IPv6' : 'IPv4', interfaceName: 'wlan0' };
}

async function started(files?: CertificateFiles): Promise<Certificates> {
  const certificates = new Certificates({ folder, clock, log, host: '0.0.0.0', machine: () => machine, files, acme: undefined });
  await certificates.start();
  return certificates;
}

function leafOf(certificates: Certificates): X509Certificate {
  return new X509Certificate(certificates.current().cert);
}

/** A TLS client that trusts the authority alone; resolves with the certificate it accepted. */
async function handshake(certificates: Certificates, servername: string, ca: string): Promise<string> {
  const server = createServer({ ...certificates.current() }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  try {
    return await new Promise((resolve, reject) => {
      const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca, servername }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  } finally {
    server.close();
  }
}

describe('the local authority', () => {
  test('is trusted by a TLS client that installed it, for every name of the machine and no other', async () => {
    const certificates = await started();
    const ca = certificates.caCertificate?.pem ?? '';
    for (const name of ['localhost', 'laptop', 'laptop.local']) expect(await handshake(certificates, name, ca)).toBe(leafOf(certificates).fingerprint256);
    await expect(handshake(certificates, 'bank.example', ca)).rejects.toThrow(/altnames/);
    for (const ip of ['127.0.0.1', '::1', '192.168.1.20', 'fd00::20']) expect(leafOf(certificates).checkIP(ip), ip).toBeDefined();
  });

  test('and what it signs please OpenSSL at its strictest, name constraints included', async () => {
    const certificates = await started();
    const [ca, leaf] = [join(folder, 'ca.pem'), join(folder, 'leaf.pem')];
    await writeFile(ca, certificates.caCertificate?.pem ?? '');
    await writeFile(leaf, certificates.current().cert);
    for (const check of [
      ['-verify_ip', '192.168.1.20'],
      ['-verify_ip', 'fd00::20'],
      ['-verify_hostname', 'laptop.local'],
    ]) {
      const { stdout } = await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', ...check, '-CAfile', ca, leaf]);
      expect(stdout).toContain('OK');
    }
    const { stdout } = await run('openssl', ['x509', '-in', ca, '-noout', '-text']);
    expect(stdout).toMatch(/Name Constraints: critical/);
    expect(stdout).toMatch(/CA:TRUE, pathlen:0/);
  });

  test('has a key that is worthless for other sites', async () => {
    await started();
    const file = (name: string): string => join(folder, name);
    const request = [
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      file('stolen.key'),
      '-out',
      file('stolen.csr'),
      '-subj',
      '/CN=stolen',
    ];
    await run('openssl', request);
    const refusals: string[] = [];
    for (const name of ['DNS:bank.example', 'IP:8.8.8.8', 'DNS:laptop']) {
      await writeFile(file('ext'), `subjectAltName=${name}`);
      const signer = ['-CA', file('authority.pem'), '-CAkey', file('authority.pem'), '-CAcreateserial'];
      await run('openssl', ['x509', '-req', '-in', file('stolen.csr'), ...signer, '-days', '10', '-extfile', file('ext'), '-out', file('stolen.pem')]);
      await run('openssl', ['verify', '-CAfile', file('authority.pem'), file('stolen.pem')]).catch((error: unknown) => refusals.push(`${name}: ${error}`));
    }
    expect(refusals).toEqual([
      expect.stringMatching(/^DNS:bank.example: [\s\S]*permitted subtree violation/),
      expect.stringMatching(/^IP:8.8.8.8: [\s\S]*permitted subtree violation/),
    ]);
  });

  test('keeps its key where nobody else can read, and takes that right back when somebody gave it', async () => {
    await started();
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await readdir(folder)).sort()).toEqual(['authority.pem', 'server.pem']);
    await chmod(join(folder, 'authority.pem'), 0o644);
    await started();
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o600);
  });

  test('stays the same from start to start, and so does the certificate', async () => {
    const [first, second] = [await started(), await started()];
    expect(second.caCertificate?.fingerprint).toBe(first.caCertificate?.fingerprint);
    expect(second.current()).toEqual(first.current());
  });

  test.each([
    ['cut off', (text: string) => text.slice(0, 600)],
    ['empty', () => ''],
    ['without its key', (text: string) => text.replace(/-----BEGIN PRIVATE[\s\S]*/, '')],
    ['with garbage inside', (text: string) => text.replace(/(BEGIN CERTIFICATE-----\n)..../, '$1AAAA')],
    ['without its list of names', (text: string) => text.replace(/^#.*\n/, '')],
  ])('that is %s stops the start with a sentence and is never replaced', async (_, damage) => {
    await started();
    const path = join(folder, 'authority.pem');
    const damaged = damage(await readFile(path, 'utf8'));
    await writeFile(path, damaged);
    const starting = started();
    await expect(starting).rejects.toBeInstanceOf(StartError);
    await expect(starting).rejects.toThrow(/authority\.pem cannot be used: .*Restore the file from a back-up, or remove it/);
    expect(await readFile(path, 'utf8')).toBe(damaged);
  });

  test('that has the key of another one stops the start', async () => {
    await started();
    const path = join(folder, 'authority.pem');
    const mine = await readFile(path, 'utf8');
    await rm(path);
    await started();
    const key = /-----BEGIN PRIVATE[\s\S]*/;
    await writeFile(path, mine.replace(key, key.exec(await readFile(path, 'utf8'))?.[0] ?? ''));
    await expect(started()).rejects.toThrow('its key belongs to another certificate');
  });

  test('that was removed is made anew, with a certificate of its own', async () => {
    const before = await started();
    await rm(join(folder, 'authority.pem'));
    const after = await started();
    expect(after.caCertificate?.fingerprint).not.toBe(before.caCertificate?.fingerprint);
    expect(await handshake(after, 'localhost', after.caCertificate?.pem ?? '')).toBe(leafOf(after).fingerprint256);
    expect(log.lines.filter(({ message }) => message.includes('a local authority was made'))).toHaveLength(2);
  });
});

describe('the certificate of this machine', () => {
  test('lives 397 days, as phones demand, and is renewed before it ends', async () => {
    const certificates = await started();
    const { validFromDate, validToDate } = leafOf(certificates);
    expect((validToDate.getTime() - validFromDate.getTime()) / DAY_MS).toBeLessThanOrEqual(LEAF_DAYS);
    const told: string[] = [];
    certificates.onChange(({ cert }) => told.push(new X509Certificate(cert).fingerprint256));
    clock.advance(340 * DAY_MS);
    await certificates.look();
    expect(told).toEqual([]);
    clock.advance(20 * DAY_MS);
    await certificates.look();
    expect(told).toEqual([leafOf(certificates).fingerprint256]);
    expect(leafOf(certificates).validToDate.getTime()).toBeGreaterThan(clock.now() + 390 * DAY_MS);
  });

  test('follows the addresses of the machine, by itself', async () => {
    const certificates = await started();
    const changed = new Promise((resolve) => certificates.onChange(resolve));
    certificates.watch();
    await certificates.look();
    const before = certificates.current();
    machine = { ...machine, addresses: [on('10.0.0.7')] };
    clock.advance(15_000);
    expect(await changed).toBe(certificates.current());
    expect(certificates.current()).not.toEqual(before);
    expect(leafOf(certificates).checkIP('10.0.0.7')).toBeDefined();
    await certificates.close();
  });

  test('is not issued anew for addresses that went', async () => {
    const certificates = await started();
    const before = certificates.current();
    machine = { ...machine, addresses: machine.addresses.slice(0, 1) };
    await certificates.look();
    expect(certificates.current()).toEqual(before);
  });

  test('leaves out what the authority may not vouch for, and says so once', async () => {
    const certificates = await started();
    machine = { ...machine, addresses: [...machine.addresses, on('203.0.113.77')] };
    await certificates.look();
    await certificates.look();
    expect(leafOf(certificates).checkIP('203.0.113.77')).toBeUndefined();
    expect(log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields)).toEqual([{ leftOut: ['203.0.113.77'] }]);
  });

  test.each(['', 'garbage', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])(
    'that reads %j is issued anew by the same authority',
    async (text) => {
      const before = await started();
      await writeFile(join(folder, 'server.pem'), text);
      const after = await started();
      expect(after.caCertificate?.fingerprint).toBe(before.caCertificate?.fingerprint);
      expect(await handshake(after, 'localhost', before.caCertificate?.pem ?? '')).toBe(leafOf(after).fingerprint256);
    },
  );
});

describe('a certificate in files', () => {
  async function write(name: string): Promise<CertificateFiles> {
    const files = { certFile: join(folder, '..', 'cert.pem'), keyFile: join(folder, '..', 'key.pem') };
    const { cert, key } = await selfSigned({ name });
    await Promise.all([writeFile(files.certFile, cert), writeFile(files.keyFile, key)]);
    return files;
  }

  test('wins over the local authority, which is not even made', async () => {
    const certificates = await started(await write('given'));
    expect(leafOf(certificates).subject).toBe('CN=given');
    expect([certificates.caCertificate, certificates.isPublic]).toEqual([undefined, false]);
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  test('is read again when it changes, and what cannot be used is told once while the old one goes on', async () => {
    const files = await write('first');
    const certificates = await started(files);
    const told: string[] = [];
    certificates.onChange(({ cert }) => told.push(new X509Certificate(cert).subject));
    await writeFile(files.certFile, 'half a certif');
    for (let looks = 0; looks < 3; looks++) await certificates.look();
    expect(leafOf(certificates).subject).toBe('CN=first');
    await write('second');
    await certificates.look();
    await certificates.look();
    expect(told).toEqual(['CN=second']);
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  test('that cannot be read or used stops the start with a sentence', async () => {
    await expect(started({ certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' })).rejects.toThrow('(ENOENT). Check TLS_CERT_FILE (/nowhere/cert.pem)');
    const files = await write('first');
    const { keyFile } = files;
    const key = await readFile(keyFile);
    await write('second');
    await writeFile(keyFile, key);
    await expect(started(files)).rejects.toThrow('the key belongs to another certificate');
  });
});
