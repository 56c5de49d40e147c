/** A media process: libavformat on the network, away from the server. Started by MediaProcess; does one task and ends with the channel to the server. */
import { flushCompileCache } from 'node:module';
import { AV_LOG_QUIET } from 'node-av/constants';
import { Log } from 'node-av/lib';
import type { FromMediaProcess, ToMediaProcess } from '../messages.ts';
import { demux } from './demux.ts';
import { Mux } from './mux.ts';

/** Resolves when it is on its way: nobody piles up what the server has yet to read. */
function tell(message: FromMediaProcess): Promise<void> {
  return new Promise((resolve) => {
    if (process.send?.(message, undefined, undefined, () => resolve()) === undefined) resolve();
  });
}

async function over(message: FromMediaProcess): Promise<never> {
  await tell(message);
  process.exit(0);
}

function failed(error: unknown): Promise<never> {
  return over({ type: 'failed', why: (error instanceof Error ? error.message : String(error)).slice(0, 500) });
}

let mux: Mux | undefined;

// What comes over this channel is the server's own word.
process.on('message', (message: ToMediaProcess) => {
  switch (message.type) {
    case 'mux':
      mux = new Mux(message, tell);
      mux.run().then(() => over({ type: 'ended' }), failed);
      break;
    case 'demux':
      demux(message, tell).then(() => over({ type: 'ended' }), failed);
      break;
    case 'unit':
      mux?.push(message);
      break;
    case 'end':
      mux?.end();
  }
});
// Nothing here is worth saving, and a call that blocks would not let it end.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

Log.setLevel(AV_LOG_QUIET);
// Nothing is kept of a process that is killed.
flushCompileCache();
