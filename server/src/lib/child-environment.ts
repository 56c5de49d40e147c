/**
 * The environment of processes that read hostile media: neither the server's settings nor its secrets. They do one thing at a time, so that glibc needs one heap
 * instead of eight for each core: a process that makes posters takes 143 MB in place of 221. What one of them has compiled the next one need not: each starts
 * with half of the work where the server has such a cache.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

/** In the cache's folder, of this version of Node. */
const compileCache = getCompileCacheDir();

export const CHILD_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  ...(compileCache !== undefined && { NODE_COMPILE_CACHE: dirname(compileCache) }),
};
