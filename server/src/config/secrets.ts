/** The server's own secrets: drawn at the first start, kept in the data folder for its owner alone. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCodeOf, StartError } from '../lib/start-error.ts';

const Secrets = z.object({
  /** Signs session cookies. */
  session: z.string().min(32),
  /** Signs playback tokens. */
  playback: z.string().min(32),
  /** Signs credentials of the TURN relay. */
  turn: z.string().min(32),
});
export type Secrets = z.infer<typeof Secrets>;

/** 256 bits, in base64url. */
const SECRET_BYTES = 32;

export async function loadSecrets(dataDir: string): Promise<Secrets> {
  const path = join(dataDir, 'secrets');
  try {
    const kept: unknown = JSON.parse(await readFile(path, 'utf8'));
    const secrets = Secrets.partial({ turn: true }).parse(kept);
    if (secrets.turn !== undefined) return { ...secrets, turn: secrets.turn };
    // Drawn by a version that had no relay.
    return await keep(path, { ...secrets, turn: draw() });
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') {
      throw new StartError(
        `The secrets in ${path} cannot be read. Restore the file from a back-up, or remove it: everybody then signs in again and old playback links end.`,
        error,
      );
    }
  }
  return keep(path, { session: draw(), playback: draw(), turn: draw() });
}

async function keep(path: string, secrets: Secrets): Promise<Secrets> {
  // Whole or not at all: a file cut off by a crash would lock everybody out.
  await writeFile(`${path}.new`, JSON.stringify(secrets), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return secrets;
}

function draw(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}
