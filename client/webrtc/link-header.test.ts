/** ICE servers and extensions from Link headers. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { iceServersOf, linkTo } from './link-header.ts';

it('reads STUN and TURN with their credentials, in order', () => {
  const header = [
    '<stun:live.example.org:3478>; rel="ice-server"',
    '<turn:live.example.org:3478?transport=udp>; rel="ice-server"; username="1790:me"; credential="a,b;c="; credential-type="password"',
    '<https://live.example.org/help>; rel="help"',
    '<turns:live.example.org:5349?transport=tcp>; rel=ice-server; username=x; credential=y',
  ].join(', ');
  expect(iceServersOf(header)).toEqual([
    { urls: 'stun:live.example.org:3478' },
    { urls: 'turn:live.example.org:3478?transport=udp', username: '1790:me', credential: 'a,b;c=' },
    { urls: 'turns:live.example.org:5349?transport=tcp', username: 'x', credential: 'y' },
  ]);
});

it('finds none where there are none', () => {
  expect(iceServersOf(null)).toEqual([]);
  expect(iceServersOf('<turn:a>; rel="alternate"')).toEqual([]);
});

it('finds where a relation leads, among others', () => {
  const header = '<turn:a>; rel="ice-server"; credential="<x>; rel=layer", </whep/a/b/layer>; rel="layer", </other>; rel=layer';
  expect(linkTo(header, 'layer')).toBe('/whep/a/b/layer');
  expect(linkTo(header, 'events')).toBeUndefined();
});

it('survives any header, with a bounded answer', () => {
  const piece = fc.constantFrom('<', '>', ';', ',', '"', 'turn:a', 'stun:b', 'rel="ice-server"', 'rel=ice-server', 'username=', ' ');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 400 }).map((pieces) => pieces.join('')),
      ),
      (header) => {
        const servers = iceServersOf(header);
        expect(servers.length).toBeLessThanOrEqual(8);
        for (const { urls } of servers) expect(urls).toMatch(/^(stun|turns?):/i);
      },
    ),
    { seed: 9725 },
  );
});
