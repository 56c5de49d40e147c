/**
 * Many viewers in a process of their own: `node receivers.ts <whep|janus> <url> <count> <n>`, asking from 127.0.0.n and the
 * addresses after it. Prints `connected` when all are, then each second a line of JSON: what those who count have seen so far.
 */
import { joinJanus } from './janus-join.ts';
import { type Joined, joinByWhep } from './whep-join.ts';

/** Servers let one address make only so many offers at a time. */
const VIEWERS_PER_ADDRESS = 40;

/** Joining is not what is measured: a few at a time. */
const JOINING_AT_ONCE = 8;

/** One viewer in so many counts. */
const COUNTING = 8;

const [signalling = 'whep', url = '', count = '1', firstAddress = '1'] = process.argv.slice(2);
const total = Number(count);
const joined: Joined[] = [];
let next = 0;

async function joinSome(): Promise<void> {
  while (next < total) {
    const number = next++;
    const options = { localAddress: `127.0.0.${Number(firstAddress) + Math.floor(number / VIEWERS_PER_ADDRESS)}`, counts: number % COUNTING === 0 };
    joined.push(await (signalling === 'janus' ? joinJanus(url, options) : joinByWhep(url, options)));
  }
}

function tell(): void {
  let [received, sent, bytes] = [0, 0, 0];
  for (const { viewer } of joined) {
    const { counts } = viewer;
    received += counts.received;
    sent += counts.sent;
    bytes += counts.bytes;
  }
  const gone = joined.filter(({ viewer }) => !viewer.isOpen).length;
  process.stdout.write(`${JSON.stringify({ atMs: performance.now(), counting: Math.ceil(total / COUNTING), received, sent, bytes, gone })}\n`);
}

await Promise.all(Array.from({ length: JOINING_AT_ONCE }, joinSome));
process.stdout.write('connected\n');
setInterval(tell, 1_000);
