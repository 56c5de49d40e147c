/**
 * Many players waiting for the same playlist update, in a process of their own:
 * `node reload-client.ts <media playlist> <count>`. Prints `waiting` when every request is sent, then a line of JSON.
 */
import { Agent, get } from 'node:http';
import { liveEdge, text } from './playlist-links.ts';

/** The update asked for lies this many parts ahead, so that every request is there before it comes. */
const PARTS_AHEAD = 8;

const [playlist = '', count = '100'] = process.argv.slice(2);
const players = Number(count);
const agent = new Agent({ keepAlive: true, maxSockets: players, maxFreeSockets: players });

/** Status and arrival of one answer. */
function ask(url: string, sent?: () => void): Promise<{ readonly status: number; readonly atMs: number }> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume();
      response.once('end', () => resolve({ status: response.statusCode ?? 0, atMs: performance.now() }));
    });
    request.once('finish', () => sent?.());
    request.once('error', () => resolve({ status: 0, atMs: performance.now() }));
  });
}

// First a plain request each, so that all connections stand.
await Promise.all(Array.from({ length: players }, () => ask(playlist)));
const edge = liveEdge(await text(playlist));
const address = new URL(playlist);
address.searchParams.set('_HLS_msn', String(edge.msn));
address.searchParams.set('_HLS_part', String(edge.parts + PARTS_AHEAD));
let sent = 0;
const answers = await Promise.all(
  Array.from({ length: players }, () =>
    ask(address.href, () => {
      sent++;
      if (sent === players) process.stdout.write('waiting\n');
    }),
  ),
);
const good = answers.filter((answer) => answer.status === 200).map((answer) => answer.atMs);
process.stdout.write(`${JSON.stringify({ answered: good.length, spreadMs: Math.max(...good) - Math.min(...good) })}\n`);
agent.destroy();
