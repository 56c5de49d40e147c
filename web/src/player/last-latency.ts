/** The latency that this viewer chose the last time. */
import { LATENCIES, type Latency } from '@millrace/client/player/engine-switch';

const KEY = 'millrace.latency';

/** Real time until somebody says otherwise: it falls back by itself. */
export function lastLatency(): Latency {
  const kept = localStorage.getItem(KEY);
  return LATENCIES.find((latency) => latency === kept) ?? 'real-time';
}

export function rememberLatency(latency: Latency): void {
  localStorage.setItem(KEY, latency);
}
