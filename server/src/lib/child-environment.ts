/**
 * The environment of processes that read hostile media: neither the server's settings nor its secrets. They do one thing at a time, so that glibc needs one heap
 * instead of eight for each core: a process that makes posters takes 143 MB in place of 221.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

export const CHILD_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1', ...compileCache(getCompileCacheDir()) };

/** Where the server keeps its compiled code, when it keeps it: with theirs there, processes start for half the price. Below it is a folder for each version of Node. */
function compileCache(folderOfVersion: string | undefined): { NODE_COMPILE_CACHE: string } | undefined {
  return folderOfVersion === undefined ? undefined : { NODE_COMPILE_CACHE: dirname(folderOfVersion) };
}
