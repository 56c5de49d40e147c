/** A public authority for tests: Debian's Pebble, with a name server of its own by which every name is this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensureTool } from '../../../../tools/test-tools.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/silent-log.ts';
import { freePort } from '../../lib/testing/free-port.ts';
import { Certificates } from '../certificates.ts';

export interface Pebble extends AsyncDisposable {
  readonly directoryUrl: string;
  /** Of the certificate that its own address shows. */
  readonly caPem: string;
}

/** @param httpPort where it looks for proofs. */
export async function startPebble(httpPort: number): Promise<Pebble> {
  await ensureTool('pebble');
  const folder = await mkdtemp(join(tmpdir(), 'millrace-pebble-'));
  const own = new Certificates({
    folder: join(folder, 'tls'),
    clock: systemClock,
    log: silentLog,
    host: '127.0.0.1',
    machine: () => ({ hostName: 'localhost', addresses: [] }),
    files: undefined,
    acme: undefined,
  });
  await own.start();
  const [port, dnsPort] = [await freePort(), await freePort()];
  const [certificate, privateKey, config] = ['cert.pem', 'key.pem', 'config.json'].map((name) => join(folder, name));
  if (!certificate || !privateKey || !config) throw new Error('no files');
  await writeFile(certificate, own.current().cert);
  await writeFile(privateKey, own.current().key);
  const settings = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: '',
    certificate,
    privateKey,
    httpPort,
    tlsPort: 1,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  };
  await writeFile(config, JSON.stringify({ pebble: settings }));
  const dns = spawn(
    'pebble-challtestsrv',
    [
      '-defaultIPv4',
      '127.0.0.1',
      '-defaultIPv6',
      '',
      '-dns01',
      `127.0.0.1:${dnsPort}`,
      '-http01',
      '',
      '-https01',
      '',
      '-tlsalpn01',
      '',
      '-management',
      `127.0.0.1:${await freePort()}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const pebble = spawn('pebble', ['-config', config, '-dnsserver', `127.0.0.1:${dnsPort}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
  });
  const ended = [once(dns, 'exit'), once(pebble, 'exit')];
  await untilSaid(dns.stdout, 'Starting management server');
  await untilSaid(pebble.stdout, 'ACME directory available at');
  return {
    directoryUrl: `https://localhost:${port}/dir`,
    caPem: own.caCertificate?.pem ?? '',
    async [Symbol.asyncDispose]() {
      dns.kill();
      pebble.kill();
      await Promise.all(ended);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilSaid(log: NodeJS.ReadableStream, words: string): Promise<void> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: log })) {
    lines.push(line);
    if (line.includes(words)) {
      // Nobody reads on; a full pipe would stop the program.
      log.resume();
      return;
    }
  }
  throw new Error(`Pebble ended before it said "${words}": ${lines.join('\n')}`);
}
