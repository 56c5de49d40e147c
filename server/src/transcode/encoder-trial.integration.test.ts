/** Which encoder is found on machines of all kinds; the trials are real processes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Clock, FakeClock, systemClock } from '../lib/clock.ts';
import { quietLog } from '../lib/testing/quiet-log.ts';
import { cardsOf, EncoderTrial, hardwareCandidates } from './encoder-trial.ts';
import { type EncoderSetting, X264 } from './job.ts';

const VAAPI: EncoderSetting = { name: 'vaapi', device: '/dev/null' };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-trial-'));
});
afterAll(() => rm(folder, { recursive: true }));

function trialOf({ candidates, clock = systemClock, program }: { readonly candidates: readonly EncoderSetting[]; readonly clock?: Clock; readonly program?: string }) {
  const log = quietLog();
  const trial = new EncoderTrial({ candidates, clock, log, ...(program && { program }) });
  const found = async (): Promise<EncoderSetting | undefined> => {
    trial.start();
    await expect.poll(() => trial.encoder, { timeout: 30_000 }).toBeDefined();
    return trial.encoder;
  };
  return { trial, log, found };
}

async function script(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

test('where there is no device, x264 is known at once and nothing is tried', () => {
  const { trial, log } = trialOf({ candidates: [] });
  expect(trial.encoder).toBe(X264);
  trial.start();
  expect(log.lines).toEqual([]);
});

test('an encoder that makes something of a picture is taken', async () => {
  const works: EncoderSetting = { name: 'x264', device: null };
  const { log, found } = trialOf({ candidates: [works, VAAPI] });
  expect(await found()).toBe(works);
  expect(log.lines.map(({ level }) => level)).toEqual(['info']);
});

test('VAAPI that does not work gives way to x264, and the log says why', async () => {
  const missing: EncoderSetting = { name: 'vaapi', device: join(folder, 'none', 'renderD128') };
  const { log, found } = trialOf({ candidates: [missing, VAAPI] });
  expect(await found()).toBe(X264);
  expect(log.lines).toMatchObject([
    {
      level: 'warn',
      fields: {
        refusals: [
          { ...missing, why: expect.stringContaining('ENOENT') },
          { ...VAAPI, why: expect.stringContaining('the device /dev/null does not open') },
        ],
      },
    },
  ]);
});

test('a driver that crashes takes only its trial with it, and the next is tried', async () => {
  const program = await script('crash.mjs', `if (process.argv[2].includes('nvenc')) process.kill(process.pid, 'SIGSEGV'); else process.stdout.write('works');`);
  const { log, found } = trialOf({ candidates: [{ name: 'nvenc', device: null }, VAAPI], program });
  expect(await found()).toBe(VAAPI);
  expect(log.lines[0]?.fields).toMatchObject({ encoder: VAAPI, refusals: [{ name: 'nvenc', why: 'it ended with SIGSEGV' }] });
});

test('a driver that hangs is given up after ten seconds, and no process of it is left', async () => {
  const clock = new FakeClock();
  const pidFile = join(folder, 'pid');
  const program = await script('hang.mjs', `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`);
  const { trial, log, found } = trialOf({ candidates: [VAAPI], clock, program });
  trial.start();
  const pid = await pidIn(pidFile);
  clock.advance(9_999);
  expect(isAlive(pid)).toBe(true);
  expect(trial.encoder).toBeUndefined();
  clock.advance(1);
  expect(await found()).toBe(X264);
  expect(log.lines[0]?.fields).toMatchObject({ refusals: [{ why: 'nothing came of it within 10000 ms' }] });
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
});

test('a server that stops leaves no trial behind', async () => {
  const pidFile = join(folder, 'stopped');
  const program = await script('stop.mjs', `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`);
  const { trial, log } = trialOf({ candidates: [VAAPI, VAAPI], program });
  trial.start();
  const pid = await pidIn(pidFile);
  trial.close();
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  expect(log.lines).toEqual([]);
});

test('candidates are what the machine looks like', async () => {
  for (const name of ['card0', 'renderD129', 'renderD128', 'by-path', 'renderDx']) await writeFile(join(folder, name), '');
  expect(cardsOf(folder)).toEqual(['renderD128', 'renderD129'].map((name) => `${folder}/${name}`));
  expect(cardsOf(join(folder, 'none'))).toEqual([]);
  expect(hardwareCandidates('darwin').map(({ name }) => name)).toEqual(['videotoolbox']);
  expect(hardwareCandidates('win32').map(({ name }) => name)).toEqual(['nvenc', 'qsv']);
});

async function pidIn(path: string): Promise<number> {
  let pid = 0;
  await expect
    .poll(
      async () => {
        pid = Number(await readFile(path, 'utf8').catch(() => ''));
        return pid;
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(0);
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
