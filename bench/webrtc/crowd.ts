/**
 * Viewers who come and go: `node crowd.ts <whep url> <viewers> <seconds>`. Half of them say goodbye, the others just vanish. Ends
 * when the time is over and all have left, with a line of JSON.
 */
import { joinByWhep } from './whep-join.ts';

/** How long one stays. */
const LEAST_STAY_MS = 2_000;
const MOST_STAY_MS = 20_000;

/** Servers let one address make only so many offers at a time. */
const VIEWERS_PER_ADDRESS = 10;

const [url = '', viewers = '1', seconds = '60'] = process.argv.slice(2);
const endsAt = performance.now() + Number(seconds) * 1000;
const report = { joined: 0, failed: 0, packets: 0 };

async function visitor(number: number): Promise<void> {
  const localAddress = `127.0.0.${1 + Math.floor(number / VIEWERS_PER_ADDRESS)}`;
  for (let visit = 0; performance.now() < endsAt; visit++) {
    try {
      const { viewer, leave } = await joinByWhep(url, { localAddress, counts: true });
      report.joined++;
      await pause(Math.min(stay(number, visit), endsAt - performance.now()));
      report.packets += viewer.counts.received;
      if ((number + visit) % 2 === 0) await leave();
      else viewer.close();
    } catch (error) {
      report.failed++;
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      await pause(1_000);
    }
  }
}

/** Spread evenly, and the same in every run. */
function stay(number: number, visit: number): number {
  const golden = ((number * 31 + visit) * 0.618_034) % 1;
  return LEAST_STAY_MS + golden * (MOST_STAY_MS - LEAST_STAY_MS);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

await Promise.all(Array.from({ length: Number(viewers) }, (_, number) => visitor(number)));
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
