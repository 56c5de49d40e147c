/** `/ws/recordings`: tells owners what becomes of their recordings, and how far what takes long has come. Nothing is said to it. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RecordingStorage, RecordingTask } from '@millrace/contract/entities/recording';
import type { RecordingSocketEvent } from '@millrace/contract/events/recording-socket';
import { MAX_SOCKET_FRAME_BYTES } from '@millrace/contract/limits';
import { RECORDING_SOCKET_PATH, RECORDING_SOCKET_PROTOCOL } from '@millrace/contract/protocol';
import { z } from 'zod';
import type { Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { StoredRecording } from '../store/recordings.ts';
import type { AdmissionDeps } from '../streams/admission.ts';
import { type Socket, SocketServer } from '../transports/http/socket.ts';
import { credentialsOf } from '../transports/http/socket-credentials.ts';
import type { RecordingDirectory } from './recording-directory.ts';

export interface RecordingSocketsDeps extends Pick<AdmissionDeps, 'clock' | 'identify'> {
  readonly log: Log;
  readonly directory: Pick<RecordingDirectory, 'byId'>;
  /** Where it lies now. */
  storageOf(recording: StoredRecording): RecordingStorage;
  /** Null unless something takes long. */
  taskOf(id: string): RecordingTask | null;
  /** PUBLIC_URL: pages of its origin may use the session cookie, beside those of the address they were asked at. */
  readonly publicOrigin?: string | undefined;
}

/** How often progress is told. */
const PROGRESS_MS = 1_000;

/** Told to one owner at a time; the other recordings have their turn a second later. */
const MAX_PROGRESS_AT_ONCE = 4;

const NoCommand = z.never();

type RecordingSocket = Socket<never>;

export class RecordingSockets {
  readonly #deps: RecordingSocketsDeps;
  readonly #server: SocketServer<never>;
  /** Open sockets by owner. */
  readonly #sockets = new Map<string, Set<RecordingSocket>>();
  /** Recordings whose progress somebody may want to hear; the one that has waited longest is first. */
  readonly #progressed = new Set<string>();
  #timer: Timer | undefined;
  #telling: Promise<void> | undefined;

  constructor(deps: RecordingSocketsDeps) {
    this.#deps = deps;
    this.#server = new SocketServer({
      clock: deps.clock,
      log: deps.log,
      protocol: RECORDING_SOCKET_PROTOCOL,
      maxFrameBytes: MAX_SOCKET_FRAME_BYTES,
      command: NoCommand,
      refusal: (code, detail) => encode({ type: 'COMMAND_REFUSED', code, detail }),
    });
  }

  get counters(): SocketServer<never>['counters'] & { readonly open: number } {
    return { ...this.#server.counters, open: this.#server.size };
  }

  start(): void {
    this.#server.start();
    this.#timer ??= this.#deps.clock.every(PROGRESS_MS, () => {
      this.#telling ??= this.#tellProgress().finally(() => {
        this.#telling = undefined;
      });
    });
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#server.close();
  }

  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer, path: string): boolean {
    if (path !== RECORDING_SOCKET_PATH) return false;
    void this.#admit(request, connection, head);
    return true;
  }

  recordingChanged({ id, ownerId, streamId, broadcastId, state, problem }: StoredRecording): void {
    this.#tell(ownerId, { type: 'RECORDING_CHANGED', recordingId: id, streamId, broadcastId, state, problem });
  }

  recordingDeleted({ id, ownerId }: StoredRecording): void {
    this.#progressed.delete(id);
    this.#tell(ownerId, { type: 'RECORDING_DELETED', recordingId: id });
  }

  /** Its upload, or what takes long with it, has come further, or is over. Told soon, if somebody listens. */
  progressed(id: string): void {
    if (this.#sockets.size > 0) this.#progressed.add(id);
  }

  async #admit(request: IncomingMessage, connection: Duplex, head: Buffer): Promise<void> {
    const { identify, log, publicOrigin } = this.#deps;
    try {
      const user = await identify(credentialsOf(request, publicOrigin));
      if (user) this.#server.accept(request, connection, head, (socket) => this.#join(user.id, socket));
      else this.#server.refuse('not_authenticated', request, connection, head);
    } catch (error) {
      log.error({ err: error }, 'a socket could not be admitted');
      this.#server.refuse('internal', request, connection, head);
    }
  }

  #join(ownerId: string, socket: RecordingSocket): void {
    const sockets = this.#sockets.get(ownerId) ?? new Set();
    this.#sockets.set(ownerId, sockets.add(socket));
    socket.listen({
      command() {},
      closed: () => {
        sockets.delete(socket);
        if (sockets.size === 0 && this.#sockets.get(ownerId) === sockets) this.#sockets.delete(ownerId);
      },
    });
  }

  async #tellProgress(): Promise<void> {
    const told = new Map<string, number>();
    for (const id of [...this.#progressed]) {
      try {
        const { recording } = await this.#deps.directory.byId(id);
        const ownerId = recording?.ownerId ?? '';
        const before = told.get(ownerId) ?? 0;
        if (before >= MAX_PROGRESS_AT_ONCE) continue;
        told.set(ownerId, before + 1);
        this.#progressed.delete(id);
        if (recording) this.#tell(ownerId, progressOf(recording, this.#deps));
      } catch (error) {
        // The database is away: the next second may bring it back.
        this.#deps.log.debug({ err: error, recordingId: id }, 'the progress of a recording is not told');
      }
    }
  }

  #tell(ownerId: string, event: RecordingSocketEvent): void {
    const sockets = this.#sockets.get(ownerId);
    if (!sockets) return;
    const text = encode(event);
    for (const socket of sockets) socket.send(text, isUnderWay(event));
  }
}

function progressOf(recording: StoredRecording, { storageOf, taskOf }: Pick<RecordingSocketsDeps, 'storageOf' | 'taskOf'>): RecordingSocketEvent {
  return { type: 'RECORDING_PROGRESSED', recordingId: recording.id, storage: storageOf(recording), task: taskOf(recording.id) };
}

/** Soon followed by the next, so that a slow client may miss it. */
function isUnderWay(event: RecordingSocketEvent): boolean {
  return event.type === 'RECORDING_PROGRESSED' && (event.task !== null || event.storage.upload?.state === 'uploading');
}

function encode(event: RecordingSocketEvent): string {
  return JSON.stringify(event);
}
