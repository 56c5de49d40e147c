/** How the server is run: what `npm start`, the tests and the bench give to Node. */
import { totalmem } from 'node:os';

/**
 * The embedded database is WebAssembly. Optimising it takes some 400 MB for a while and is not needed for queries of a third of a
 * millisecond, so it is compiled lazily and by the baseline compiler alone. V8 takes these only on the command line.
 */
export const WASM_FLAGS = ['--wasm-lazy-compilation', '--wasm-lazy-validation', '--liftoff-only'];

/** Of the machine's memory, as room for garbage; and within these bounds, MiB. */
const ROOM_SHARE = 1 / 16;
const LEAST_ROOM = 64;
const MOST_ROOM = 512;

/** Of the machine's memory, as each half of the room for what was made a moment ago; and within these bounds, MiB. Node keeps what it once had of it. */
const YOUNG_SHARE = 1 / 128;
const LEAST_YOUNG = 4;
const MOST_YOUNG = 64;

const MIB = 2 ** 20;

/**
 * Pieces of memory from here on are mappings of their own, which go back to the system when they are freed: this is where glibc begins, but it would
 * move the bound up to what was freed last. Media lies in such pieces.
 */
const OWN_MAPPING_BYTES = 128 * 1024;

/**
 * The environment of the server. glibc gives threads heaps of their own, eight for each core, and keeps what was freed in each: half an hour of viewers who come
 * and go by WebRTC left 96 MB behind. With two heaps for all it leaves 30 MB.
 * @param {NodeJS.ProcessEnv} env what there is; it wins.
 * @returns {NodeJS.ProcessEnv}
 */
export function serverEnvironment(env) {
  return { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: String(OWN_MAPPING_BYTES), ...env };
}

/**
 * Arguments of Node, relative to the root of the repository. Media lives in buffers outside of the JavaScript heap, which itself hardly changes.
 * Counted against the heap's limit and not against a fixed 64 MiB, and with room to begin with, a busy server seldom walks its heap for nothing:
 * that was half of what a publisher cost. A small machine has less room and pays in CPU.
 * @param {number} memoryBytes of the machine.
 */
export function serverArgs(memoryBytes = memoryOfMachine()) {
  const room = within(LEAST_ROOM, (memoryBytes / MIB) * ROOM_SHARE, MOST_ROOM);
  const young = within(LEAST_YOUNG, (memoryBytes / MIB) * YOUNG_SHARE, MOST_YOUNG);
  return [...WASM_FLAGS, '--external-memory-accounted-in-global-limit', `--initial-old-space-size=${room}`, `--max-semi-space-size=${young}`, 'server/src/main.ts'];
}

/** @param {number} least @param {number} wanted @param {number} most */
function within(least, wanted, most) {
  return Math.round(Math.min(most, Math.max(least, wanted)));
}

/** What there is, or what a container may use of it. */
function memoryOfMachine() {
  const allowed = process.constrainedMemory?.() ?? 0;
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}
