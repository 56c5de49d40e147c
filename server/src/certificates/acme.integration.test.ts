/** Certificates from a public authority, against Pebble: proof over plain HTTP, failure and its retry, what is kept, renewal. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/silent-log.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import { HttpServer } from '../transports/http/server.ts';
import { Certificates } from './certificates.ts';
import { CertificateRoutes } from './routes.ts';
import { type Pebble, startPebble } from './testing/pebble.ts';

const DOMAIN = 'live.example.org';

/** The first wait after a failure. */
const RETRY_MS = 1_800_000;

let pebble: Pebble;
let folder = '';
let http: HttpServer;
/** Who answers for the proof: set by a test. */
let routes: CertificateRoutes | undefined;
const systemAuthorities = getCACertificates('default');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-acme-'));
  http = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLog,
    handlers: [{ handle: (request, response, path) => routes?.handle(request, response, path) ?? false }],
    fallback: (_request, response) => response.writeHead(404).end(),
    upgrades: [],
  });
  pebble = await startPebble((await http.start()).port);
  setDefaultCACertificates([...systemAuthorities, pebble.caPem]);
});

afterAll(async () => {
  setDefaultCACertificates(systemAuthorities);
  await pebble?.[Symbol.asyncDispose]();
  await http?.close();
  await rm(folder, { recursive: true, force: true });
});

test('the local certificate serves until the public one is there; that is kept, shown, and renewed in time', async () => {
  const clock = new FakeClock(Date.now());
  const log = quietLog();
  const open = async (domain = DOMAIN): Promise<Certificates> => {
    const acme = { domain, directoryUrl: pebble.directoryUrl, email: 'operator@example.org' };
    const certificates = new Certificates({
      folder: join(folder, 'tls'),
      clock,
      log,
      host: '0.0.0.0',
      machine: () => ({ hostName: 'laptop', addresses: [] }),
      files: undefined,
      acme,
    });
    await certificates.start();
    return certificates;
  };
  const certificates = await open();
  const told: string[] = [];
  certificates.onChange(({ cert }) => told.push(new X509Certificate(cert).issuer));
  const local = certificates.caCertificate;
  expect(local).toBeDefined();

  // The proof is not to be found: the operator's router leads nowhere.
  await certificates.look();
  expect(certificates.caCertificate).toBe(local);
  expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { message: 'the public authority gave no certificate; the local certificate serves meanwhile', fields: { domain: DOMAIN } },
  ]);

  // It is not asked again at once, not even when everything is right meanwhile.
  routes = new CertificateRoutes({ certificates });
  clock.advance(RETRY_MS - 1);
  await certificates.look();
  expect(told).toEqual([]);
  clock.advance(1);
  await certificates.look();
  expect(told).toEqual([expect.stringContaining('Pebble')]);
  const issued = new X509Certificate(certificates.current().cert);
  expect(issued.checkHost(DOMAIN)).toBe(DOMAIN);
  expect([certificates.caCertificate, certificates.isPublic, certificates.acmeChallenge('any')]).toEqual([undefined, false, undefined]);

  // Another start uses what is kept and asks for nothing; another name does not.
  const second = await open();
  await second.look();
  expect(second.current()).toEqual(certificates.current());
  expect((await open('other.example.org')).caCertificate?.fingerprint).toBe(local?.fingerprint);
  for (const name of await readdir(join(folder, 'tls'))) expect((await stat(join(folder, 'tls', name))).mode & 0o777, name).toBe(0o600);

  // With a third of its life left there is a new one; a start after its end does not use it.
  const life = issued.validToDate.getTime() - issued.validFromDate.getTime();
  clock.advance(life * 0.6);
  await certificates.look();
  expect(told).toHaveLength(1);
  clock.advance(life * 0.1);
  await certificates.look();
  expect(told).toHaveLength(2);
  expect(new X509Certificate(certificates.current().cert).serialNumber).not.toBe(issued.serialNumber);
  clock.advance(life);
  expect((await open()).caCertificate?.fingerprint).toBe(local?.fingerprint);
});
