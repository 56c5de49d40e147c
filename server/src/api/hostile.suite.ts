/** What the API makes of anything at all: an answer from the registry, never a failure of ours. Run by rest.integration.test.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { becomeGuest, makeStream } from './testing/people.ts';
import type { Suite } from './testing/suite.ts';

export function hostileSuite(suite: Suite): void {
  test('any JSON as settings is taken or refused, and what is refused names a field', async () => {
    const server = suite.server();
    const { token } = await becomeGuest(server);
    const { stream } = await makeStream(server, token);
    const settings = fc.oneof(
      fc.json(),
      fc
        .record({ title: fc.anything(), visibility: fc.anything(), ladder: fc.constantFrom('auto', 'off', 'maybe') }, { requiredKeys: [] })
        .map((value) => JSON.stringify(value) ?? ''),
      fc.string({ unit: 'binary', maxLength: 300 }),
    );
    await fc.assert(
      fc.asyncProperty(settings, async (body) => {
        const response = await server.request(`/api/v1/streams/${stream.id}`, { method: 'PATCH', token, body });
        expect([200, 400]).toContain(response.status);
        if (response.status === 400) expect((await response.json()).fields.length).toBeGreaterThan(0);
      }),
      { examples: [['{"title":"\\u0000"}'], ['{"title":"\\ud800"}'], ['[[[['.repeat(1000)], ['{"__proto__":{"title":1}}'], ['{"constructor":1}'], ['1e999']] },
    );
  });

  test('any address, query, cookie and token is answered from the registry', async () => {
    const server = suite.server();
    const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 60 });
    const request = fc.record({
      path: fc.oneof(
        fc.webPath(),
        fc
          .constantFrom('/streams/', '/codes/', '/live', '/errors/', '/auth/me')
          .chain((path) => fc.string({ unit: 'binary', maxLength: 40 }).map((rest) => path + encodeURIComponent(rest.toWellFormed()))),
      ),
      query: fc.webQueryParameters(),
      authorization: printable,
      cookie: printable,
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT'),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ path, query, authorization, cookie, method }) => {
        // Headers that HTTP itself forbids do not come this far.
        const headers = { authorization: `Bearer ${authorization.trim()}`, cookie: `millrace_session=${cookie.trim()}` };
        const response = await server.api.fetch(new Request(`http://live.test/api/v1${path}?${query}`, { method, headers }), {
          incoming: { socket: { remoteAddress: '192.0.2.77' } },
        });
        expect(response.status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });
}
