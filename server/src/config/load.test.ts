import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load.ts';
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
      httpsPort: undefined,
      rtmpPort: 1935,
      rtmpsPort: undefined,
      tls: undefined,
      dataDir: join(folder, 'data'),
      databaseUrl: undefined,
      publicUrl: undefined,
      trustProxy: false,
      logLevel: 'info',
      guests: 'publish',
      reconnectGraceMs: 60_000,
      transcodeWorkers: availableParallelism(),
    });
  });

  test('come from the file, and from the environment over it', async () => {
    await writeFile(join(folder, 'millrace.json'), JSON.stringify({ PORT: 80, GUESTS: 'off', TRUST_PROXY: true }));
    expect(await load({ PORT: '0', GUESTS: '' })).toMatchObject({ httpPort: 0, guests: 'off', trustProxy: true });
    await writeFile(join(folder, 'other.json'), JSON.stringify({ RTMP_PORT: 1, RECONNECT_GRACE_SECONDS: 2.5 }));
    expect(await load({ CONFIG_FILE: 'other.json', TRUST_PROXY: 'no' })).toMatchObject({ httpPort: 8080, rtmpPort: 1, reconnectGraceMs: 2500, trustProxy: false });
  });

  test('RTMPS needs a certificate and its key', async () => {
    await expect(load({ RTMPS_PORT: '1936' })).rejects.toThrow('TLS_CERT_FILE is not set, but RTMPS_PORT needs it');
    await expect(load({ RTMPS_PORT: '1936', TLS_CERT_FILE: 'cert.pem' })).rejects.toThrow('TLS_KEY_FILE');
    const config = await load({ RTMPS_PORT: '1936', TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: '/etc/key.pem' });
    expect(config.tls).toEqual({ certFile: join(folder, 'cert.pem'), keyFile: '/etc/key.pem' });
  });

  test.each([
    [{ PORT: '65536' }, 'PORT cannot be "65536": it must be a port number from 0 to 65535; 0 means any free port.'],
    [{ PORT: 'http' }, 'PORT cannot be "http": it must be a port number from 0 to 65535; 0 means any free port.'],
    [{ RTMP_PORT: '19.5' }, 'RTMP_PORT cannot be "19.5": it must be a port number'],
    [{ RTMP_PORT: '-1' }, 'RTMP_PORT cannot be "-1": it must be a port number'],
    [{ GUESTS: 'maybe' }, 'GUESTS cannot be "maybe": it must be publish, watch or off.'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL cannot be "loud": it must be error, warn,'],
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
    await expect(loading).rejects.not.toThrow('secret');
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
    expect(drawn.session).not.toBe(drawn.playback);
    expect((await stat(join(folder, 'secrets'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder, 'secrets'), 'utf8')).toContain(drawn.playback);
  });

  test('that cannot be read stop the start rather than being drawn anew', async () => {
    await writeFile(join(folder, 'secrets'), '{"session":"short"}');
    await expect(loadSecrets(folder)).rejects.toThrow('Restore the file from a back-up');
  });
});
