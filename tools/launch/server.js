/** How the server is run: what `npm start`, the tests and the bench give to Node. */

/**
 * The embedded database is WebAssembly. Optimising it takes some 400 MB for a while and is not needed for queries of a third of a
 * millisecond, so it is compiled lazily and by the baseline compiler alone. V8 takes these only on the command line.
 */
const WASM_FLAGS = ['--wasm-lazy-compilation', '--liftoff-only'];

/**
 * Media lives in buffers outside of the JavaScript heap, which itself hardly changes. Counted against the heap's limit and not against a fixed
 * 64 MiB, and with room to begin with, a busy server seldom walks its heap for nothing: that was half of what a publisher cost.
 */
const MEMORY_FLAGS = ['--external-memory-accounted-in-global-limit', '--initial-old-space-size=512'];

/** @type {readonly string[]} relative to the root of the repository. */
export const SERVER_ARGS = [...WASM_FLAGS, ...MEMORY_FLAGS, 'server/src/main.ts'];
