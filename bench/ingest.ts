/** CPU and memory a publisher costs, packaging included, at several counts of publishers. */
import type { Child } from '../e2e/harness/child.ts';
import { measure } from './process-cost.ts';
import type { BenchServerKind } from './servers/bench-server.ts';
import { publishSource } from './source.ts';

export interface IngestOptions {
  readonly source: string;
  readonly publishers: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface IngestResult {
  readonly server: string;
  readonly version: string;
  readonly job: string;
  readonly publishers: number;
  /** Of one core. */
  readonly cpuPercentPerPublisher: number;
  /** Resident memory of the whole server. A difference to its idle state would count what a first start still holds. */
  readonly memoryMegabytes: number;
}

export async function measureIngest(kind: BenchServerKind, { source, publishers, warmSeconds, seconds }: IngestOptions): Promise<IngestResult> {
  await using server = await kind.start();
  const encoders: Child[] = [];
  try {
    for (let i = 0; i < publishers; i++) encoders.push(publishSource(source, (await server.addStream()).publishUrl));
    await measure(server.pid, warmSeconds);
    const { share, residentBytes } = await measure(server.pid, seconds);
    const gone = encoders.filter((encoder) => !encoder.running);
    if (gone.length > 0) throw new Error(`${gone.length} of ${publishers} publishers were lost by ${kind.name}: ${gone[0]?.tail()}`);
    return {
      server: kind.name,
      version: server.version,
      job: kind.job,
      publishers,
      cpuPercentPerPublisher: (share * 100) / publishers,
      memoryMegabytes: residentBytes / 2 ** 20,
    };
  } finally {
    await Promise.all(encoders.map((encoder) => encoder.stop('SIGKILL')));
  }
}
