/** `npm run dev`: the server, started again when its code changes, and Vite's own server for the pages in front of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { serverArgs, serverEnvironment } from './launch/server.js';

const children: readonly ChildProcess[] = [
  spawn(process.execPath, ['--watch', ...serverArgs()], { env: serverEnvironment(process.env), stdio: 'inherit' }),
  spawn(process.execPath, ['../node_modules/vite/bin/vite.js'], { cwd: 'web', stdio: 'inherit' }),
];

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
  });
}
for (const child of children) child.on('exit', (code) => process.exit(code ?? 1));
