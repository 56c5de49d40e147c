import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MODULE = join(import.meta.dirname, 'child-environment.ts');

/** What a server that has this environment gives to its processes. */
function givenBy(env: Readonly<Record<string, string>>): unknown {
  const program = `import { CHILD_ENVIRONMENT } from ${JSON.stringify(MODULE)}; console.log(JSON.stringify(CHILD_ENVIRONMENT))`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', program], { env, encoding: 'utf8' }));
}

test('processes share the compiled code of a server that keeps it, and see nothing else of its environment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  try {
    expect(givenBy({ SESSION_SECRET: 'x', NODE_COMPILE_CACHE: folder })).toEqual({ MALLOC_ARENA_MAX: '1', NODE_COMPILE_CACHE: folder });
    expect(givenBy({ SESSION_SECRET: 'x' })).toEqual({ MALLOC_ARENA_MAX: '1' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
