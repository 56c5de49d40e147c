/** Runs the npm that started us, or the one on the PATH. Its output goes to stderr: stdout belongs to the command. */
import { spawn } from 'node:child_process';

/** @param {string[]} args @param {{cwd: string}} options */
export function npm(args, { cwd }) {
  const script = process.env.npm_execpath;
  const [file, argv] = script?.endsWith('.js') ? [process.execPath, [script, ...args]] : ['npm', args];
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { cwd, stdio: ['ignore', 2, 2] });
    child.on('error', (error) => reject(new Error(`npm does not start: ${error.message}`)));
    child.on('exit', (code) => (code === 0 ? resolve(undefined) : reject(new Error(`npm ${args[0]} ended with status ${code}`))));
  });
}
