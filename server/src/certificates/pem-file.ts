/** Files that hold a private key beside its certificate: one file, written whole or not at all, for its owner alone. */
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCodeOf } from '../lib/start-error.ts';

/** Certificate chain and key in PEM, as TLS servers take them. */
export interface CertificatePair {
  /** The server's own first, then what leads to its authority. */
  readonly cert: string;
  readonly key: string;
}

const OWNER_ALONE = 0o600;
const OWNER_ALONE_FOLDER = 0o700;

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (?:EC |RSA )?PRIVATE KEY-----/;

/** Undefined: there is no such file. Others than the owner lose their right to read it. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) await chmod(path, OWNER_ALONE);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes its folder when there is none. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: OWNER_ALONE_FOLDER });
  await chmod(folder, OWNER_ALONE_FOLDER);
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  const file = await open(fresh, 'wx', OWNER_ALONE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** Undefined when one of the two is missing. Text around them is passed over. */
export function parsePair(text: string): CertificatePair | undefined {
  const certificates = text.match(CERTIFICATES);
  const key = KEY.exec(text)?.[0];
  return certificates && key !== undefined ? { cert: `${certificates.join('\n')}\n`, key: `${key}\n` } : undefined;
}
