/** Browsers that reach each other through the relay alone: a real Chromium over UDP, TCP and TLS, with credentials from the API. */
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { getIceServers } from '@millrace/contract/rest/connectivity';
import { expect, test } from 'vitest';
import { ensureTool } from '../tools/test-tools.ts';
import { Owner } from './harness/api.ts';
import { browserTestsAreOff, openBrowser } from './harness/chromium.ts';
import { TemporaryFolder } from './harness/folder.ts';
import { startServer } from './harness/server.ts';

/** Longer than relays that forget refreshes or permissions live, and than browsers keep a silent path. */
const HOLD_MS = 75_000;

/** A path that is never silent for longer, and as little work as that takes. */
const ECHO_MS = 200;

/** A browser on a busy machine hiccups. */
const LONGEST_GAP_MS = 2_000;

test.skipIf(browserTestsAreOff)('Chromium talks to itself through the relay over UDP, TCP and TLS on either port, and goes on for 75 s', async () => {
  using folder = new TemporaryFolder();
  const certificate = await makeCertificate(folder.path);
  await using server = await startServer({ env: { TLS_CERT_FILE: certificate.certFile, TLS_KEY_FILE: certificate.keyFile, TURNS_PORT: '0' } });
  const { iceServers } = await iceServersOf(server.http);
  const [stun, turn] = iceServers;
  const plain = server.addresses.get('turn') ?? '';
  const secure = server.addresses.get('turns') ?? '';
  // The same relay behind the door of the pages.
  const beside = server.https.replace('https://', 'turns:');
  expect(stun?.urls).toEqual([plain.replace('turn:', 'stun:')]);
  expect(turn?.urls).toEqual([`${plain}?transport=udp`, `${secure}?transport=tcp`, `${beside}?transport=tcp`]);

  const browser = await openBrowser({ autoplay: 'allowed', args: [`--ignore-certificate-errors-spki-list=${certificate.spki}`] });
  try {
    const page = await browser.newPage();
    await page.goto(server.http);
    const transports = [`${plain}?transport=udp`, `${plain}?transport=tcp`, `${secure}?transport=tcp`, `${beside}?transport=tcp`];
    const results = await page.evaluate(echoThroughRelays, { servers: transports.map((url) => ({ ...turn, urls: [url] })), holdMs: HOLD_MS, echoMs: ECHO_MS });
    expect(results.map(({ relayProtocol }) => relayProtocol)).toEqual(['udp', 'tcp', 'tls', 'tls']);
    for (const { heldMs, longestGapMs, types } of results) {
      expect(types).toEqual(['relay', 'relay']);
      expect(heldMs).toBeGreaterThanOrEqual(HOLD_MS);
      expect(longestGapMs).toBeLessThan(LONGEST_GAP_MS);
    }
  } finally {
    await browser.close();
  }
  const metrics = await (await fetch(`${server.http}/metrics`)).text();
  expect(Number(/^millrace_turn_relayed_bytes_total\{direction="to_clients"\} (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(10_000);
  expect(metrics).toMatch(/^millrace_turn_refusals_total\{reason="forbidden_peer"\} 0$/m);
});

test('TURN_URLS and TURN_SECRET hand out another relay, and ours does not listen', async () => {
  const urls = ['turn:turn.example.org:3478?transport=udp', 'turns:turn.example.org:5349?transport=tcp'];
  await using server = await startServer({ env: { TURN_URLS: urls.join(','), TURN_SECRET: 'shared with coturn' } });
  expect(server.addresses.has('turn')).toBe(false);
  const { iceServers } = await iceServersOf(server.http);
  expect(iceServers).toHaveLength(1);
  const [turn] = iceServers;
  expect(turn?.urls).toEqual(urls);
  expect(turn?.credential).toBe(
    createHmac('sha1', 'shared with coturn')
      .update(turn?.username ?? '')
      .digest('base64'),
  );
});

async function iceServersOf(http: string) {
  const { token } = await Owner.guest(http);
  const response = await fetch(`${http}/api/v1/ice-servers`, { headers: { authorization: `Bearer ${token}` } });
  return getIceServers.success.body.parse(await response.json());
}

interface EchoTask {
  readonly servers: readonly { readonly urls: string[]; readonly username?: string | undefined; readonly credential?: string | undefined }[];
  readonly holdMs: number;
  readonly echoMs: number;
}

/** Runs in the page: a pair of connections a server, each end behind a relay, echoing until the time is over. */
async function echoThroughRelays({ servers, holdMs, echoMs }: EchoTask) {
  return Promise.all(
    servers.map(async ({ urls, username = '', credential = '' }) => {
      const config: RTCConfiguration = { iceServers: [{ urls, username, credential }], iceTransportPolicy: 'relay' };
      const [caller, callee] = [new RTCPeerConnection(config), new RTCPeerConnection(config)];
      for (const [from, to] of [
        [caller, callee],
        [callee, caller],
      ] as const)
        from.addEventListener('icecandidate', ({ candidate }) => void (candidate && to.addIceCandidate(candidate)));
      const channel = caller.createDataChannel('echo');
      callee.addEventListener('datachannel', ({ channel: other }) => other.addEventListener('message', ({ data }) => other.send(data)));
      await caller.setLocalDescription();
      if (caller.localDescription) await callee.setRemoteDescription(caller.localDescription);
      await callee.setLocalDescription();
      if (callee.localDescription) await caller.setRemoteDescription(callee.localDescription);
      await new Promise((resolve) => channel.addEventListener('open', resolve));
      const begun = performance.now();
      let last = begun;
      let longestGapMs = 0;
      await new Promise<void>((resolve, reject) => {
        const sending = setInterval(() => channel.readyState === 'open' && channel.send(new Uint8Array(200)), echoMs);
        channel.addEventListener('close', () => reject(new Error('the connection ended')));
        channel.addEventListener('message', () => {
          const now = performance.now();
          longestGapMs = Math.max(longestGapMs, now - last);
          last = now;
          if (now - begun < holdMs) return;
          clearInterval(sending);
          resolve();
        });
      });
      const stats = [...(await caller.getStats()).values()];
      const selected = stats.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
      const pair = stats.find(({ id }) => id === selected);
      const local = stats.find(({ id }) => id === pair?.localCandidateId);
      const remote = stats.find(({ id }) => id === pair?.remoteCandidateId);
      caller.close();
      callee.close();
      return { relayProtocol: String(local?.relayProtocol), types: [String(local?.candidateType), String(remote?.candidateType)], heldMs: last - begun, longestGapMs };
    }),
  );
}

/** For 127.0.0.1, and the hash of its public key, by which Chromium is told to accept it. */
async function makeCertificate(folder: string): Promise<{ readonly certFile: string; readonly keyFile: string; readonly spki: string }> {
  await ensureTool('openssl');
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const openssl = (args: readonly string[], input?: Buffer) => execFileSync('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'], ...(input ? { input } : {}) });
  openssl([
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', keyFile, '-out', certFile, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ]);
  const publicKey = openssl(['pkey', '-pubin', '-outform', 'der'], openssl(['x509', '-in', certFile, '-pubkey', '-noout']));
  return { certFile, keyFile, spki: openssl(['dgst', '-sha256', '-binary'], publicKey).toString('base64') };
}
