/** Connections per server process: queries of this product are short, and the embedded database runs one at a time. */
export const POOL_SIZE = 4;
