/** For tests: an RTMP server on free ports before a real hub, with a gate that knows keys and a sink that keeps what arrives. */
import type { Track } from '@millrace/media/track';
import type { Unit } from '@millrace/media/unit';
import { type Clock, systemClock } from '../../../lib/clock.ts';
import type { Log } from '../../../lib/log.ts';
import type { Broadcast } from '../../../stream/broadcast.ts';
import { Hub } from '../../../stream/hub.ts';
import type { PublishAttempt, PublishDecision, PublishGate } from '../../../stream/publish-gate.ts';
import type { Sink } from '../../../stream/sink.ts';
import { RtmpServer, type RtmpServerDeps } from '../server.ts';

/** Wakes those who wait whenever something happened. */
class Bell {
  #waiting: (() => void)[] = [];

  ring(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}

export class RecordingSink implements Sink {
  readonly formats: (readonly Track[])[] = [];
  readonly units: Unit[] = [];
  pauses = 0;
  readonly #bell: Bell;

  constructor(bell: Bell) {
    this.#bell = bell;
  }

  tracks(tracks: readonly Track[]): void {
    this.formats.push(tracks);
    this.#bell.ring();
  }

  unit(unit: Unit): void {
    this.units.push(unit);
    this.#bell.ring();
  }

  pause(): void {
    this.pauses++;
    this.#bell.ring();
  }

  end(): void {
    this.#bell.ring();
  }

  /** Units of the track of this kind in the last formats. */
  of(kind: Track['kind']): Unit[] {
    const track = this.track(kind);
    return this.units.filter((unit) => unit.track === track?.id);
  }

  track(kind: Track['kind']): Track | undefined {
    return this.formats.at(-1)?.find((track) => track.kind === kind);
  }
}

export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

export class BenchStand implements AsyncDisposable {
  /** By stream id. */
  readonly sinks = new Map<string, RecordingSink>();
  readonly broadcasts: Broadcast[] = [];
  readonly lines: LogLine[] = [];
  readonly hub: Hub;
  readonly server: RtmpServer;
  /** Whether somebody sees what is published. */
  isSeen = true;
  readonly #bell = new Bell();
  readonly #scheme: string;
  #port = 0;
  #ids = 0;

  /** Keys of the form `key-<stream>` open the stream `<stream>`; `refuse-<stream>` opens it for one publisher only. */
  constructor({ tls, clock = systemClock }: { readonly tls?: RtmpServerDeps['config']['tls']; readonly clock?: Clock } = {}) {
    this.#scheme = tls ? 'rtmps' : 'rtmp';
    this.hub = new Hub({
      clock,
      reconnectGraceMs: 60_000,
      listener: {
        broadcastChanged: (broadcast) => {
          this.broadcasts.push(broadcast);
          this.#bell.ring();
        },
      },
      newId: () => `id-${++this.#ids}`,
      makeSinks: (stream) => {
        const sink = new RecordingSink(this.#bell);
        this.sinks.set(stream.broadcast.streamId, sink);
        return [sink];
      },
    });
    const gate: PublishGate = { mayConnect: () => true, authorise: async (attempt) => decide(attempt) };
    this.server = new RtmpServer({ hub: this.hub, gate, clock, log: this.#logger({}), isSeen: () => this.isSeen, config: { host: '127.0.0.1', port: 0, ...(tls && { tls }) } });
  }

  async start(): Promise<void> {
    this.#port = (await this.server.start()).port;
  }

  get port(): number {
    return this.#port;
  }

  url(key: string): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}/live/${key}`;
  }

  /** Waits until the stream's sink looks as wanted; the test's own timeout ends waiting in vain. */
  async until(streamId: string, condition: (sink: RecordingSink) => boolean): Promise<RecordingSink> {
    let found: RecordingSink | undefined;
    await this.#bell.until(() => {
      const sink = this.sinks.get(streamId);
      if (sink && condition(sink)) found = sink;
      return found !== undefined;
    });
    if (!found) throw new Error(`no sink of ${streamId}`);
    return found;
  }

  async untilState(streamId: string, state: Broadcast['state']): Promise<void> {
    await this.#bell.until(() => this.hub.get(streamId)?.broadcast.state === state);
  }

  async untilLogged(message: string): Promise<LogLine> {
    await this.#bell.until(() => this.lines.some((line) => line.message === message));
    const line = this.lines.find((candidate) => candidate.message === message);
    if (!line) throw new Error(`not logged: ${message}`);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    for (const stream of this.hub.running()) stream.end('server_stopped');
  }

  #logger(context: object): Log {
    const write = (level: string) => (fields: object, message: string) => {
      this.lines.push({ level, fields: { ...context, ...fields }, message });
      this.#bell.ring();
    };
    return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug'), child: (fields) => this.#logger({ ...context, ...fields }) };
  }
}

function decide({ key }: PublishAttempt): PublishDecision {
  const [, kind, streamId] = /^(key|refuse)-(.+)$/.exec(key) ?? [];
  if (streamId === undefined) return { allowed: false, reason: 'wrong_key', message: 'This stream key is not known.' };
  return { allowed: true, streamId, start: 'auto', secondPublisher: kind === 'refuse' ? 'refuse' : 'takeover' };
}
