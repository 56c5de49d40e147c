/** What a server says of its sizes, and what it is asked for. */
import { expect, it } from 'vitest';
import { readLayers, selectLayer } from './layers.ts';

const LAYERS = [
  { rid: '720p', width: 1280, height: 720 },
  { rid: '360p', width: 640, height: 360, targetBitrate: 900_000 },
];

function session(response: Response | undefined) {
  const asked: unknown[] = [];
  return {
    asked,
    extension: async (rel: string, init: RequestInit = {}) => {
      asked.push([rel, init.method, init.body]);
      return response;
    },
  };
}

it('reads the sizes of the picture', async () => {
  expect(await readLayers(session(Response.json({ 1: LAYERS })))).toEqual(LAYERS);
});

it('knows none where the server tells of none, or of something else', async () => {
  const refused = new Response('{"0":[]}', { status: 404 });
  for (const response of [undefined, refused, ...['', '[]', '{"0":[{"rid":7}]}'].map((body) => new Response(body))]) expect(await readLayers(session(response))).toBeUndefined();
  expect(await readLayers(session(new Response('{}')))).toEqual([]);
});

it('asks for one size, or for what the network takes', async () => {
  const willing = session(new Response());
  expect(await selectLayer(willing, '360p')).toBe(true);
  expect(await selectLayer(willing, undefined)).toBe(true);
  expect(willing.asked).toEqual(['{"rid":"360p"}', '{}'].map((body) => ['urn:ietf:params:whep:ext:core:layer', 'POST', body]));
  expect(await selectLayer(session(new Response('', { status: 400 })), '9p')).toBe(false);
  expect(await selectLayer(session(undefined), '360p')).toBe(false);
});
