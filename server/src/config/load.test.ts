import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { loadConfig, usualMediaProcesses } from './load.ts';
import { loadSecrets } from './secrets.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-config-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function load(environment: Record<string, string> = {}) {
  return loadConfig({ environment, folder });
}

describe('the settings', () => {
  test('have defaults for everything', async () => {
    expect(await load()).toEqual({
      host: '0.0.0.0',
      httpPort: 8080,
      httpsPort: 8443,
      rtmpPort: 1935,
      rtmpsPort: 1936,
      webrtc: { port: 8189, addresses: [] },
      tls: undefined,
      acme: undefined,
      dataDir: join(folder, 'data'),
      databaseUrl: undefined,
      publicUrl: undefined,
      turn: { kind: 'built-in', port: 3478, tlsPort: undefined, minPort: 49_152, maxPort: 65_535, allowedPeers: [], maxAllocations: 2_000, userBytesPerSecond: 6_250_000 },
      trustProxy: false,
      logLevel: 'info',
      guests: 'publish',
      s3: undefined,
      allowPrivateAddresses: false,
      mediaDir: undefined,
      reconnectGraceMs: 60_000,
      mediaProcesses: usualMediaProcesses(availableParallelism(), totalmem()),
      transcodeWorkers: availableParallelism(),
      minFreeBytes: 2_000_000_000,
      recordingQuotaBytes: Number.POSITIVE_INFINITY,
      localCopyMs: Number.POSITIVE_INFINITY,
      ladder: {
        tiers: [
          { shorterSide: 720, bitsPerSecond: 2_800_000, preset: 'veryfast' },
          { shorterSide: 480, bitsPerSecond: 1_400_000, preset: 'veryfast' },
          { shorterSide: 360, bitsPerSecond: 700_000, preset: 'veryfast' },
        ],
        hardware: true,
      },
    });
  });

  test('come from the file, and from the environment over it', async () => {
    await writeFile(join(folder, 'millrace.json'), JSON.stringify({ PORT: 80, GUESTS: 'off', TRUST_PROXY: true }));
    expect(await load({ PORT: '0', GUESTS: '' })).toMatchObject({ httpPort: 0, guests: 'off', trustProxy: true });
    await writeFile(join(folder, 'other.json'), JSON.stringify({ RTMP_PORT: 1, RECONNECT_GRACE_SECONDS: 2.5 }));
    expect(await load({ CONFIG_FILE: 'other.json', TRUST_PROXY: 'no' })).toMatchObject({ httpPort: 8080, rtmpPort: 1, reconnectGraceMs: 2500, trustProxy: false });
  });

  test('addresses are a list, with commas in the environment', async () => {
    expect((await load({ WEBRTC_ADDRESSES: '203.0.113.7, 2001:db8::7', WEBRTC_PORT: '0' })).webrtc).toEqual({ port: 0, addresses: ['203.0.113.7', '2001:db8::7'] });
    await writeFile(join(folder, 'millrace.json'), JSON.stringify({ WEBRTC_ADDRESSES: ['203.0.113.8'] }));
    expect((await load()).webrtc.addresses).toEqual(['203.0.113.8']);
  });

  test('a certificate needs its key and a key its certificate', async () => {
    await expect(load({ TLS_KEY_FILE: 'key.pem' })).rejects.toThrow('TLS_CERT_FILE is not set, but TLS_KEY_FILE is');
    await expect(load({ TLS_CERT_FILE: 'cert.pem' })).rejects.toThrow('TLS_KEY_FILE is not set');
    const config = await load({ TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: '/etc/key.pem' });
    expect(config.tls).toEqual({ certFile: join(folder, 'cert.pem'), keyFile: '/etc/key.pem' });
  });

  test('the relay is ours, another one or none', async () => {
    const files = { TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: 'key.pem' };
    expect((await load({ TURN_PORT: 'off' })).turn).toEqual({ kind: 'off' });
    expect((await load({ ...files, TURN_ALLOWED_PEERS: '10.0.0.0/8, fd00::/8' })).turn).toMatchObject({ tlsPort: 5349, allowedPeers: [{ bits: 8 }, { bits: 8 }] });
    expect((await load({ ...files, TURNS_PORT: 'off' })).turn).toMatchObject({ tlsPort: undefined });
    const elsewhere = { TURN_URLS: 'stun:a.example:3478, turn:a.example:3478?transport=udp,turns:a.example?transport=tcp', TURN_SECRET: 'long enough' };
    expect((await load(elsewhere)).turn).toMatchObject({ kind: 'elsewhere', urls: ['stun:a.example:3478', 'turn:a.example:3478?transport=udp', 'turns:a.example?transport=tcp'] });
  });

  test('the sizes of a ladder have a bit rate each, and a preset where one is set', async () => {
    expect((await load({ LADDER: 'off' })).ladder.tiers).toEqual([]);
    expect((await load({ LADDER: '1080p@5000k/superfast, 240p@300k' })).ladder.tiers).toEqual([
      { shorterSide: 1080, bitsPerSecond: 5_000_000, preset: 'superfast' },
      { shorterSide: 240, bitsPerSecond: 300_000, preset: 'veryfast' },
    ]);
    for (const wrong of ['720p', '720p@2800k/placebo', '720p@2800k/', '720p@10k', '20p@100k', '720p@2800k,720p@1400k'])
      await expect(load({ LADDER: wrong }), wrong).rejects.toThrow('LADDER');
  });

  test('object storage is whole or not there', async () => {
    const keys = { S3_BUCKET: 'recordings', S3_ACCESS_KEY_ID: 'AKIA1', S3_SECRET_ACCESS_KEY: 'a/b+c=' };
    const credentials = { bucket: 'recordings', accessKeyId: 'AKIA1', secretAccessKey: 'a/b+c=' };
    expect((await load(keys)).s3).toEqual({ ...credentials, endpoint: undefined, region: 'us-east-1' });
    expect((await load({ ...keys, S3_ENDPOINT: 'http://minio:9000/', S3_REGION: 'eu-central-1' })).s3).toEqual({
      ...credentials,
      endpoint: 'http://minio:9000',
      region: 'eu-central-1',
    });
    expect((await load({ S3_REGION: 'eu-central-1' })).s3).toBeUndefined();
  });

  test('HTTPS and RTMPS can be switched off', async () => {
    expect(await load({ HTTPS_PORT: 'off', RTMPS_PORT: 'off' })).toMatchObject({ httpsPort: undefined, rtmpsPort: undefined });
    expect(await load({ HTTPS_PORT: '443', RTMPS_PORT: '0' })).toMatchObject({ httpsPort: 443, rtmpsPort: 0 });
  });

  test('a public authority is asked only when the operator says so, and only for a public name', async () => {
    expect(await load({ PUBLIC_URL: 'https://live.example.org' })).toMatchObject({ acme: undefined });
    expect(await load({ PUBLIC_URL: 'https://live.example.org:8443', ACME: 'on', ACME_EMAIL: 'me@example.org' })).toMatchObject({
      acme: { domain: 'live.example.org', email: 'me@example.org', directoryUrl: 'https://acme-v02.api.letsencrypt.org/directory' },
    });
    for (const PUBLIC_URL of ['', 'http://live.example.org', 'https://localhost', 'https://192.0.2.1', 'https://[2001:db8::1]', 'https://laptop.local']) {
      await expect(load({ PUBLIC_URL, ACME: 'on' })).rejects.toThrow('but ACME needs a public name');
    }
  });

  test.each([
    [{ TURN_ALLOWED_PEERS: '10.0.0.0/8,10.1.2.3/8' }, 'TURN_ALLOWED_PEERS cannot be "10.0.0.0/8,10.1.2.3/8": it must be subnets like 192.168.1.0/24'],
    [{ TURN_ALLOWED_PEERS: '10.0.0.0/8,' }, 'TURN_ALLOWED_PEERS cannot be'],
    [{ TURN_URLS: 'turn:a' }, 'TURN_SECRET is not set, but TURN_URLS needs it'],
    [{ TURN_SECRET: 'secret secret' }, 'TURN_URLS is not set, but TURN_'],
    [{ TURN_URLS: 'turn:a', TURN_SECRET: 'hush' }, 'TURN_SECRET cannot be what it is set to: it must be at least 8 characters'],
    [{ TURN_URLS: 'http://a', TURN_SECRET: 'long enough' }, 'TURN_URLS cannot be "http://a": it must be addresses like turn:'],
    [{ TURN_URLS: 'turn:a,turn:b,turn:c', TURN_SECRET: 'long enough' }, 'at most two of turn or turns'],
    [{ TURN_URLS: 'stun:a', TURN_SECRET: 'long enough' }, 'TURN_URLS cannot be'],
    [{ TURN_PORT: 'on' }, 'TURN_PORT cannot be "on": it must be a port number from 0 to 65535; 0 means any free port, off means none.'],
    [{ TURN_PORT_MIN: '60000', TURN_PORT_MAX: '50000' }, 'TURN_PORT_MIN cannot be 60000 with TURN_PORT_MAX 50000'],
    [{ PORT: '65536' }, 'PORT cannot be "65536": it must be a port number from 0 to 65535; 0 means any free port.'],
    [{ PORT: 'http' }, 'PORT cannot be "http": it must be a port number from 0 to 65535; 0 means any free port.'],
    [{ HTTPS_PORT: 'none' }, 'HTTPS_PORT cannot be "none": it must be a port number from 0 to 65535; 0 means any free port, off means none.'],
    [{ ACME: 'maybe' }, 'ACME cannot be "maybe": it must be true or false.'],
    [{ ACME_DIRECTORY_URL: 'http://x.org/dir' }, 'ACME_DIRECTORY_URL cannot be "http://x.org/dir": it must be an https address like'],
    [{ ACME_EMAIL: 'me' }, 'ACME_EMAIL cannot be "me": it must be an e-mail address.'],
    [{ RTMP_PORT: '19.5' }, 'RTMP_PORT cannot be "19.5": it must be a port number'],
    [{ RTMP_PORT: '-1' }, 'RTMP_PORT cannot be "-1": it must be a port number'],
    [{ WEBRTC_ADDRESSES: 'live.example.org' }, 'WEBRTC_ADDRESSES cannot be "live.example.org": it must be IP addresses separated by commas, at most 8.'],
    [{ GUESTS: 'maybe' }, 'GUESTS cannot be "maybe": it must be publish, watch or off.'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL cannot be "loud": it must be error, warn,'],
    [{ MEDIA_PROCESSES_MAX: '0' }, 'MEDIA_PROCESSES_MAX cannot be "0": it must be a whole number from 1 to 4096.'],
    [{ ALLOW_PRIVATE_ADDRESSES: 'some' }, 'ALLOW_PRIVATE_ADDRESSES cannot be "some": it must be true or false.'],
    [{ S3_ENDPOINT: 'https://s3.example.org' }, 'S3_BUCKET is not set, but S3_ENDPOINT is: object storage needs S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.'],
    [{ S3_BUCKET: 'abc', S3_ACCESS_KEY_ID: 'a' }, 'S3_SECRET_ACCESS_KEY is not set, but S3_BUCKET is'],
    [{ S3_BUCKET: 'a b' }, 'S3_BUCKET cannot be "a b": it must be the name of a bucket'],
    [{ S3_ENDPOINT: 's3.example.org' }, 'S3_ENDPOINT cannot be what it is set to: it must be an address like https://s3.example.org'],
    [{ S3_ENDPOINT: 'https://hush:hush@s3.example.org' }, 'S3_ENDPOINT cannot be what it is set to'],
    [{ S3_SECRET_ACCESS_KEY: 'hush hush' }, 'S3_SECRET_ACCESS_KEY cannot be what it is set to: it must be what the object storage gave'],
    [{ S3_REGION: 'Europe (Frankfurt)' }, 'S3_REGION cannot be "Europe (Frankfurt)": it must be the name of a region'],
    [{ TRUST_PROXY: 'perhaps' }, 'TRUST_PROXY cannot be "perhaps": it must be true or false.'],
    [{ PUBLIC_URL: 'ftp://x' }, 'PUBLIC_URL cannot be "ftp://x": it must be an address like https://live.example.org, without a path.'],
    [{ PUBLIC_URL: 'https://x.org/live' }, 'PUBLIC_URL cannot be "https://x.org/live": it must be an address like'],
    [{ RECONNECT_GRACE_SECONDS: 'long' }, 'RECONNECT_GRACE_SECONDS cannot be "long": it must be a number of seconds from 1 to 3600.'],
    [{ RECONNECT_GRACE_SECONDS: '0' }, 'RECONNECT_GRACE_SECONDS cannot be "0": it must be a number of seconds from 1 to 3600.'],
    [{ DATABASE_URL: 'mysql://me:secret@x/y' }, 'DATABASE_URL cannot be what it is set to: it must be an address like postgresql://user:password@host:5432/name.'],
    [{ CONFIG_FILE: 'missing.json' }, 'missing.json cannot be read (ENOENT)'],
  ])('%o stops the start with a sentence', async (environment, sentence) => {
    const loading = load({ ...environment });
    await expect(loading).rejects.toThrow(sentence);
    await expect(loading).rejects.toBeInstanceOf(ConfigError);
    await expect(loading).rejects.not.toThrow(/me:secret|hush/);
  });

  test('a file with an unknown setting, or none at all, stops the start', async () => {
    await writeFile(join(folder, 'millrace.json'), JSON.stringify({ PROT: 80 }));
    await expect(load()).rejects.toThrow('PROT in the settings file is not a setting. Settings are HOST, PORT,');
    for (const text of ['[]', '{', '7']) {
      await writeFile(join(folder, 'millrace.json'), text);
      await expect(load()).rejects.toThrow('is not a JSON object');
    }
  });
});

describe('the secrets', () => {
  test('are drawn once and are for their owner alone', async () => {
    const drawn = await loadSecrets(folder);
    expect(await loadSecrets(folder)).toEqual(drawn);
    expect(new Set([drawn.session, drawn.playback, drawn.turn, drawn.sealing]).size).toBe(4);
    expect((await stat(join(folder, 'secrets'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder, 'secrets'), 'utf8')).toContain(drawn.playback);
  });

  test('of a version that had fewer are kept and gain the others', async () => {
    const { session, playback } = await loadSecrets(folder);
    await writeFile(join(folder, 'secrets'), JSON.stringify({ session, playback }));
    const secrets = await loadSecrets(folder);
    expect(secrets).toMatchObject({ session, playback });
    expect(await loadSecrets(folder)).toEqual(secrets);
  });

  test('that cannot be read stop the start rather than being drawn anew', async () => {
    await writeFile(join(folder, 'secrets'), '{"session":"short"}');
    await expect(loadSecrets(folder)).rejects.toThrow('Restore the file from a back-up');
  });

  test.each([{}, { session: 'a'.repeat(40), playback: 'b'.repeat(40) }])('that cannot be written stop the start with a sentence, drawn anew or completed: %o', async (kept) => {
    if ('session' in kept) await writeFile(join(folder, 'secrets'), JSON.stringify(kept));
    await mkdir(join(folder, 'secrets.new'));
    await expect(loadSecrets(folder)).rejects.toThrow(`The secrets cannot be written to ${join(folder, 'secrets')} (EISDIR). Make room`);
  });
});

test.each([
  ['a small machine', 1, 512_000_000, 4],
  ['a machine with little memory', 8, 4_000_000_000, 15],
  ['a server', 8, 64_000_000_000, 128],
])('%s has as many media processes as it carries', (_, cores, bytes, expected) => {
  expect(usualMediaProcesses(cores, bytes)).toBe(expected);
});
