/** How the server is run: what `npm start`, the tests and the bench give to Node. */

/**
 * The embedded database is WebAssembly. Optimising it takes some 400 MB for a while and is not needed for queries of a third of a
 * millisecond, so it is compiled lazily and by the baseline compiler alone. V8 takes these only on the command line.
 */
const WASM_FLAGS = ['--wasm-lazy-compilation', '--liftoff-only'];

/** @type {readonly string[]} relative to the root of the repository. */
export const SERVER_ARGS = [...WASM_FLAGS, 'server/src/main.ts'];
