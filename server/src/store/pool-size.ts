/** How many connections a server process opens to its database. */

/** Queries of this product are short: more connections would wait for the database rather than for the pool. */
export const SERVER_POOL_SIZE = 4;

/**
 * The embedded database is one backend, and its socket hands it the protocol messages of all connections as they come:
 * the parse of one and the bind of another would meet. One connection is as fast and cannot mix.
 */
export const EMBEDDED_POOL_SIZE = 1;
