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
  /** Seals what the database keeps of other people's secrets. */
  sealing: z.string().min(32),
});
export type Secrets = z.infer<typeof Secrets>;

/** 256 bits, in base64url. */
const SECRET_BYTES = 32;

export async function loadSecrets(dataDir: string): Promise<Secrets> {
  const path = join(dataDir, 'secrets');
  try {
    const kept: unknown = JSON.parse(await readFile(path, 'utf8'));
    const secrets = Secrets.partial({ turn: true, sealing: true }).parse(kept);
    const { turn, sealing } = secrets;
    if (turn !== undefined && sealing !== undefined) return { ...secrets, turn, sealing };
    // Drawn by a version that had no relay, or sealed nothing.
    return await keep(path, { ...secrets, turn: turn ?? draw(), sealing: sealing ?? draw() });
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (errorCodeOf(error) !== 'ENOENT') {
      throw new StartError(
        `The secrets in ${path} cannot be read. Restore the file from a back-up, or remove it: everybody then signs in again, old playback links end and the secrets of webhooks have to be drawn anew.`,
        error,
      );
    }
  }
  return keep(path, { session: draw(), playback: draw(), turn: draw(), sealing: draw() });
}

async function keep(path: string, secrets: Secrets): Promise<Secrets> {
  try {
    // Whole or not at all: a file cut off by a crash would lock everybody out.
    await writeFile(`${path}.new`, JSON.stringify(secrets), { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (error) {
    throw new StartError(
      `The secrets cannot be written to ${path} (${errorCodeOf(error) ?? 'unknown'}). Make room on the disk and give this user the right to write there, or choose another folder with DATA_DIR.`,
      error,
    );
  }
  return secrets;
}

function draw(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}
