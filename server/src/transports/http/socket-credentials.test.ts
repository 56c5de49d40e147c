import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { credentialsOf } from './socket-credentials.ts';

function request(url: string, headers: Record<string, string>): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  message.url = url;
  message.headers = headers;
  return message;
}

it('finds the token, the bearer of a subprotocol and the cookie', () => {
  const asked = request('/ws/streams/x?a=1&token=t%2B1', { 'sec-websocket-protocol': 'millrace.stream.v1, bearer.abc.DEF_-~+/=', cookie: 'a=b' });
  expect(credentialsOf(asked, undefined)).toEqual({ token: 't+1', authorization: 'Bearer abc.DEF_-~+/=', cookie: 'a=b' });
});

it('prefers the Authorization header, and finds nothing where there is nothing', () => {
  expect(credentialsOf(request('/', { authorization: 'Bearer one', 'sec-websocket-protocol': 'bearer.two' }), undefined).authorization).toBe('Bearer one');
  expect(credentialsOf(request('/', { 'sec-websocket-protocol': 'bearer., xbearer.no' }), undefined)).toEqual({ token: undefined, cookie: undefined, authorization: undefined });
});

it('[credentials] never throws, and takes no cookie from a foreign page', () => {
  const text = fc.string({ unit: 'binary', maxLength: 200 });
  fc.assert(
    fc.property(text, text, text, text, (url, protocols, origin, host) => {
      const found = credentialsOf(request(`/?token=${url}`, { 'sec-websocket-protocol': protocols, origin: `https://${origin}`, host, cookie: 'c' }), 'https://live.example');
      if (found.cookie !== undefined) expect([host, 'live.example']).toContain(URL.canParse(`https://${origin}`) ? new URL(`https://${origin}`).host : undefined);
    }),
    { seed: 20_261_127, numRuns: 500 },
  );
});
