/** Files of a recording that lies elsewhere, and of one whose copy here is removed while it is read. */
import { expect, test } from 'vitest';
import { silentLog } from '../lib/silent-log.ts';
import type { StoredFiles } from '../lib/stored-files.ts';
import { NearestFiles, ObjectFolders } from './object-files.ts';

const CONTENT = new Map([
  ['recordings/one/about.json', Buffer.from('{"a":1}')],
  ['recordings/one/video/media-0.m4s', Buffer.from('0123456789')],
  ['recordings/one/audio/empty', Buffer.alloc(0)],
]);

function folders() {
  const asked: string[] = [];
  const said: string[] = [];
  const store = { isAway: false };
  const note = (_: object, message: string) => void said.push(message);
  const objects = new ObjectFolders({
    log: { ...silentLog, error: note, info: note },
    objects: {
      async get({ key, offset, bytes }) {
        asked.push(key);
        if (store.isAway) throw new Error('connection refused');
        return CONTENT.get(key)?.subarray(offset, offset + bytes) ?? Buffer.alloc(0);
      },
    },
    uploaded: async (prefix) => [...CONTENT].filter(([key]) => key.startsWith(`${prefix}/`)).map(([key, { length }]) => ({ key, size: length })),
  });
  return { objects, asked, said, store };
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('what is verified there can be read, and nothing else is asked for', async () => {
  const { objects, asked } = folders();
  const files = objects.open('recordings/one');
  expect([...(await files.sizes())]).toEqual([
    ['about.json', 7],
    ['video/media-0.m4s', 10],
    ['audio/empty', 0],
  ]);
  expect(text(await files.read('about.json'))).toBe('{"a":1}');
  expect(text(await files.read('audio/empty'))).toBe('');
  expect(text(await files.reader().read('video/media-0.m4s', 3, 4))).toBe('3456');
  await expect(files.read('../two/about.json')).rejects.toThrow('there is no');
  await expect(objects.open('recordings/on').sizes()).rejects.toThrow('there is nothing');
  expect(asked).toEqual(['recordings/one/about.json', 'recordings/one/video/media-0.m4s']);
});

test('a store that is away is told to viewers as such, and once to the operator', async () => {
  const { objects, store, said } = folders();
  const files = objects.open('recordings/one');
  store.isAway = true;
  for (let times = 0; times < 3; times++) await expect(files.read('about.json')).rejects.toMatchObject({ code: 'storage_unreachable' });
  store.isAway = false;
  await files.read('about.json');
  await files.read('video/media-0.m4s');
  expect(said).toEqual(['a recording cannot be fetched from object storage', 'recordings can be fetched from object storage again']);
});

test('a copy that is removed in the middle of an answer goes on from elsewhere', async () => {
  const { objects } = folders();
  const here = { isThere: true };
  const gone = () => Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }));
  const near: StoredFiles = {
    sizes: () => (here.isThere ? Promise.resolve(new Map([['video/media-0.m4s', 10]])) : gone()),
    has: async () => here.isThere,
    read: () => (here.isThere ? Promise.resolve(Buffer.from('near')) : gone()),
    reader: () => ({ read: () => (here.isThere ? Promise.resolve(Buffer.from('near')) : gone()), close: async () => {} }),
  };
  const files = new NearestFiles(near, objects.open('recordings/one'));
  const reader = files.reader();
  expect(text(await reader.read('video/media-0.m4s', 0, 4))).toBe('near');
  here.isThere = false;
  expect(text(await reader.read('video/media-0.m4s', 4, 4))).toBe('4567');
  expect(text(await files.read('about.json'))).toBe('{"a":1}');
  expect((await files.sizes()).size).toBe(3);
  expect([await files.has('about.json'), await files.has('pictures/poster.jpg')]).toEqual([true, false]);
  await reader.close();
});
