/** What forwarding to WebRTC viewers costs a server, and whether everything reaches them. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Child } from '../e2e/harness/child.ts';
import { ROOT } from '../e2e/harness/folder.ts';
import { until } from '../e2e/harness/until.ts';
import { measure } from './process-cost.ts';
import type { RtcServer, RtcServerKind } from './servers/rtc-server.ts';

/** Two processes use two cores, and none has more loopback addresses than this between them. */
const PROCESSES = 2;
const ADDRESSES_EACH = 40;

const JOIN_TIMEOUT_MS = 120_000;

export interface WhepOptions {
  readonly source: string;
  readonly viewers: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface WhepResult {
  readonly server: string;
  readonly version: string;
  readonly from: string;
  readonly viewers: number;
  /** Of one core, the publisher's share included. */
  readonly cpuPercentPerViewer: number;
  /** Of the server's CPU, for a packet that it sent. */
  readonly microsPerPacket: number;
  readonly packetsPerViewerSecond: number;
  readonly megabitsPerViewerSecond: number;
  /** Of the packets sent to viewers who count, those that did not come. */
  readonly lossPercent: number;
  /** Packets for anybody on the machine that found a full socket. */
  readonly dropped: number;
  /** Viewers that were there at the beginning of the measurement and not at its end. */
  readonly gone: number;
  /** Of all cores, by everything on the machine: near 100 % the machine is what is measured. */
  readonly machinePercent: number;
}

/** What a process of viewers has counted so far. */
interface Counts {
  readonly atMs: number;
  /** Viewers who count. */
  readonly counting: number;
  readonly received: number;
  readonly sent: number;
  readonly bytes: number;
  readonly gone: number;
}

export async function measureWhep(kind: RtcServerKind, { source, viewers, warmSeconds, seconds }: WhepOptions): Promise<WhepResult> {
  await using server = await kind.start();
  await using publisher = server.publish(source);
  if (server.isReady) await until(server.isReady, { what: `${kind.name} to have the publisher`, timeoutMs: 20_000, seen: () => publisher.tail() });
  const receivers = startReceivers(server, viewers);
  try {
    for (const receiver of receivers) await receiver.line((line) => line === 'connected', JOIN_TIMEOUT_MS);
    await measure(server.pid, warmSeconds);
    const [before, machineBefore] = [await counts(receivers), machineTotals()];
    const { share } = await measure(server.pid, seconds);
    const [after, machineAfter] = [await counts(receivers), machineTotals()];
    const each = ratesOf(before, after);
    return {
      server: kind.name,
      version: server.version,
      from: kind.from,
      viewers,
      cpuPercentPerViewer: (share / viewers) * 100,
      microsPerPacket: (share / (each.sent * viewers)) * 1e6,
      packetsPerViewerSecond: each.sent,
      megabitsPerViewerSecond: (each.bytes * 8) / 1e6,
      lossPercent: (1 - each.received / each.sent) * 100,
      dropped: machineAfter.dropped - machineBefore.dropped,
      gone: after.reduce((sum, { gone }) => sum + gone, 0),
      machinePercent: ((machineAfter.busy - machineBefore.busy) / (machineAfter.all - machineBefore.all)) * 100,
    };
  } finally {
    await Promise.all(receivers.map((receiver) => receiver.stop('SIGKILL')));
  }
}

function startReceivers({ join: { signalling, url } }: RtcServer, viewers: number): Child[] {
  const script = join(ROOT, 'bench/webrtc/receivers.ts');
  const each = Math.ceil(viewers / PROCESSES);
  const arguments_ = (from: number) => [script, signalling, url, String(Math.min(each, viewers - from)), String(1 + (from / each) * ADDRESSES_EACH)];
  const receivers: Child[] = [];
  for (let from = 0; from < viewers; from += each) receivers.push(new Child(process.execPath, arguments_(from)));
  return receivers;
}

/** The latest counts of each process, which it tells each second. */
async function counts(receivers: readonly Child[]): Promise<Counts[]> {
  const all: Counts[] = [];
  for (const receiver of receivers) {
    await receiver.line((line) => line.startsWith('{'), 10_000);
    if (!receiver.running) throw new Error(`viewers are gone: ${receiver.tail()}`);
    all.push(JSON.parse(receiver.stdout.at(-1) ?? ''));
  }
  return all;
}

/** Of one viewer, a second. */
function ratesOf(before: readonly Counts[], after: readonly Counts[]): { readonly sent: number; readonly received: number; readonly bytes: number } {
  const rates = { sent: 0, received: 0, bytes: 0 };
  const viewers = after.reduce((sum, { counting }) => sum + counting, 0);
  for (const [i, last] of after.entries()) {
    const first = before[i];
    if (!first || last.atMs === first.atMs) throw new Error('a process of viewers stopped counting');
    const share = 1000 / (last.atMs - first.atMs) / viewers;
    rates.sent += (last.sent - first.sent) * share;
    rates.received += (last.received - first.received) * share;
    rates.bytes += (last.bytes - first.bytes) * share;
  }
  return rates;
}

/** What the whole machine did so far: times of all cores, and packets thrown away before full sockets. */
function machineTotals(): { readonly busy: number; readonly all: number; readonly dropped: number } {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const { user, nice, sys, irq, idle } = times;
    busy += user + nice + sys + irq;
    all += user + nice + sys + irq + idle;
  }
  const [names = [], values = []] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '));
  return { busy, all, dropped: Number(values[names.indexOf('RcvbufErrors')]) };
}
