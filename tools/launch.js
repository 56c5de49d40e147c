/**
 * What stands behind `npm start` and `npm test`: plain JavaScript for any Node from 18 on, with nothing installed yet.
 * It brings the runtime up to Node 24 while it installs what the lock file names, builds the pages when they changed, then runs the command.
 */
import { spawn } from 'node:child_process';
import { installDependencies } from './launch/dependencies.js';
import { buildPages } from './launch/pages.js';
import { ROOT, runtimeEnvironment } from './launch/runtime.js';
import { serverArgs, serverEnvironment } from './launch/server.js';

/** What each command needs before it and what it runs, as arguments of Node 24. */
const COMMANDS = {
  start: { development: false, pages: true, run: serverArgs() },
  dev: { development: true, pages: false, run: ['tools/dev.ts'] },
  test: { development: true, pages: true, run: ['tools/verify.ts', 'test'] },
  check: { development: true, pages: false, run: ['tools/verify.ts', 'check'] },
  bench: { development: true, pages: true, run: ['bench/main.ts'] },
  soak: { development: true, pages: false, run: ['bench/soak.ts'] },
  generate: { development: true, pages: false, run: ['tools/generate.ts'] },
  format: { development: true, pages: false, run: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'] },
};

const [name = 'start', ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (!command) {
  console.error(`There is no command "${name}". There are: ${Object.keys(COMMANDS).join(', ')}.`);
  process.exit(2);
}

try {
  const [{ node, env }] = await Promise.all([runtimeEnvironment(), installDependencies(command)]);
  if (command.pages) await buildPages({ node, env });
  const child = spawn(node, [...command.run, ...args], { cwd: ROOT, env: serverEnvironment(env), stdio: 'inherit' });
  // The terminal sends its signals to the whole group; a service manager sends them to this process alone.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
