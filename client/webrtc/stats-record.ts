/** One entry of a peer connection's statistics, read without trusting the browser to have every field. */

export type StatsRecord = Readonly<Record<string, unknown>>;

export function recordsOf(report: RTCStatsReport): StatsRecord[] {
  const values: Iterable<unknown> = report.values();
  return [...values].filter(isRecord);
}

export function numberIn(record: StatsRecord | undefined, name: string): number | undefined {
  const value = record?.[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function textIn(record: StatsRecord | undefined, name: string): string | undefined {
  const value = record?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** The pair that carries the media. */
export function selectedPair(records: readonly StatsRecord[]): StatsRecord | undefined {
  const id = textIn(
    records.find(({ type }) => type === 'transport'),
    'selectedCandidatePairId',
  );
  const pairs = records.filter(({ type }) => type === 'candidate-pair');
  return pairs.find((pair) => pair['id'] === id) ?? pairs.find((pair) => pair['nominated'] === true && pair['state'] === 'succeeded');
}

function isRecord(value: unknown): value is StatsRecord {
  return typeof value === 'object' && value !== null;
}
