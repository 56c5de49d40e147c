/** For tests: Debian's coturn, its server and the client that comes with it; installed where it is missing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TurnPassword } from '../credentials.ts';
import { openPeer } from './turn-client.ts';

export interface ClientRun {
  /** Its exit status, 0 when it got through. */
  readonly code: number | null;
  readonly output: string;
}

/** coturn's own client sends through the relay to a peer that echoes. */
export async function runCoturnClient({ username, credential }: TurnPassword, options: readonly string[]): Promise<ClientRun> {
  const peer = await openPeer();
  peer.socket.on('message', (data, from) => peer.socket.send(data, from.port, from.address));
  const messages = ['-n', '10', '-m', '1', '-l', '171', '-c', '-e', '127.0.0.1', '-r', String(peer.port)];
  const child = spawn('turnutils_uclient', ['-u', username, '-w', credential, ...messages, ...options, '127.0.0.1'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes;
    });
  }
  // With wrong credentials it tries for ever.
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code] = await once(child, 'close');
  clearTimeout(tooLong);
  peer.socket.close();
  return { code: typeof code === 'number' ? code : null, output };
}

export interface CoturnServer extends AsyncDisposable {
  readonly port: number;
}

/** A coturn that shares a secret and relays on the loopback address alone. */
export async function startCoturn(secret: string): Promise<CoturnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-coturn-'));
  const probe = await openPeer();
  probe.socket.close();
  const { port } = probe;
  const args = [
    ...['-n', '--use-auth-secret', `--static-auth-secret=${secret}`, '--realm=example.org', '--fingerprint'],
    ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--allow-loopback-peers'],
    ...['--no-tls', '--no-dtls', '--no-cli', '--simple-log', '--log-file=stdout', '--verbose', `--pidfile=${join(folder, 'pid')}`, `--userdb=${join(folder, 'db')}`],
  ];
  const server = spawn('turnserver', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(server, 'exit');
  await untilListening(server.stdout, port);
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilListening(log: NodeJS.ReadableStream, port: number): Promise<void> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: log })) {
    lines.push(line);
    if (line.includes('listener opened on') && line.includes(`:${port}`)) {
      // Nobody reads on; a full pipe would stop the server.
      log.resume();
      return;
    }
  }
  throw new Error(`coturn did not start: ${lines.join('\n')}`);
}
