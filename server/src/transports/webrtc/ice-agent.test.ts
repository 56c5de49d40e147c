/** What the controlled end of ICE answers, checks, chooses and gives up, on a clock that is moved by hand. */
import { randomBytes } from 'node:crypto';
import { ProtocolError } from '@millrace/media/protocol-error';
import { readXorAddress } from '@millrace/media/stun/address';
import { Attribute, readError } from '@millrace/media/stun/attribute';
import { attributeOf, readStun, STUN_HEADER_BYTES, StunClass, type StunMessage } from '@millrace/media/stun/message';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import type { GuestPath } from '../turn/guests.ts';
import { usernameOf, writeCheck, writeCheckAnswer } from './connectivity-check.ts';
import { IceAgent } from './ice-agent.ts';
import { ControllingEnd } from './testing/controlling-end.ts';

const LOCAL = { ufrag: 'here', pwd: 'the password of this end' };
const FINGERPRINT_BYTES = 8;
const REMOTE = { ufrag: 'there', pwd: 'the password of that end' };

/** An agent, and a peer that reaches it by as many paths as it likes. */
function world() {
  const clock = new FakeClock();
  const events: string[] = [];
  const agent = new IceAgent({
    clock,
    local: LOCAL,
    remote: REMOTE,
    randomBytes,
    listener: {
      selected: () => events.push(`selected ${agent.selected?.key}`),
      consentEnded: () => events.push('consent ended'),
      forgotten: (key) => events.push(`forgotten ${key}`),
    },
  });
  /** @param delivers whether what the agent sends there arrives */
  const path = (port: number, delivers = true) => {
    const sent: Uint8Array[] = [];
    const key = `192.0.2.1 ${port}`;
    const toPeer = (packet: Uint8Array) => {
      sent.push(packet);
      if (!state.delivers) return;
      // Answers go back the way they came.
      peer.receive(packet);
    };
    const way: GuestPath = { key, remote: { ip: Uint8Array.of(192, 0, 2, 1), port }, remoteAddress: '192.0.2.1', send: toPeer, relay: () => true };
    const fromPeer = (packet: Uint8Array) => {
      const message = readStun(packet);
      if (message.class === StunClass.request) state.taken = agent.request(message, way);
      else agent.answer(message, key);
    };
    const peer = new ControllingEnd(fromPeer, REMOTE);
    peer.server = LOCAL;
    const state = { delivers, taken: false, sent, peer, way, key };
    return state;
  };
  return { clock, agent, events, path };
}

test('a check is answered with where it came from, and asked back before the path counts', () => {
  const { agent, events, path } = world();
  const one = path(5_000, false);
  const check = one.peer.check();
  expect(one.taken).toBe(true);
  const [answer, asked] = one.sent.map((packet) => readStun(packet));
  if (!answer || !asked) throw new Error('no answer, or no check');
  expect([answer.class, answer.hasFingerprint]).toEqual([StunClass.success, true]);
  expect(answer.transactionId).toEqual(readStun(check).transactionId);
  expect(readXorAddress(attributeOf(answer, Attribute.xorMappedAddress) ?? new Uint8Array(0), answer.transactionId)).toEqual({ ip: Uint8Array.of(192, 0, 2, 1), port: 5_000 });
  expect([asked.class, usernameOf(asked), asked.hasFingerprint]).toEqual([StunClass.request, 'there:here', true]);
  expect(attributeOf(asked, Attribute.iceControlled)).toBeDefined();
  expect([agent.media(one.key), agent.selected, events]).toEqual([false, undefined, []]);
  one.peer.receive(one.sent[1] ?? new Uint8Array(0));
  expect([agent.media(one.key), agent.selected]).toEqual([true, one.way]);
  expect(events).toEqual([`selected ${one.key}`]);
});

test('a path that was not nominated is sent to only when the peer does so; of those nominated, the last one is', () => {
  const { agent, events, path } = world();
  const [one, two] = [path(5_000), path(5_001)];
  const plain = writeCheck({ transactionId: randomBytes(12), username: 'here:there', password: LOCAL.pwd, priority: 1, role: 'nominating' });
  // The same without USE-CANDIDATE is made by hand: nobody of ours sends it.
  expect(agent.request({ ...readStun(plain), attributes: readStun(plain).attributes.filter(({ type }) => type !== Attribute.useCandidate) }, one.way)).toBe(true);
  expect([agent.selected, events]).toEqual([undefined, []]);
  // Until its peer sends by it, which is as good as a nomination where there is none.
  expect([agent.media('192.0.2.1 5001'), agent.selected]).toEqual([false, undefined]);
  expect([agent.media(one.key), agent.selected]).toEqual([true, one.way]);
  two.peer.check();
  one.peer.check();
  two.peer.check();
  expect(events).toEqual([one, two, one, two].map(({ key }) => `selected ${key}`));
});

test('what is not signed by the peer, for this agent, with a fingerprint, is not its', () => {
  const { agent, path } = world();
  const one = path(5_000);
  one.peer.check({ password: 'a guess' });
  expect([one.taken, one.sent]).toEqual([false, []]);
  one.peer.server = { ...LOCAL, ufrag: 'elsewhere' };
  one.peer.check();
  expect([one.taken, one.sent]).toEqual([false, []]);
  one.peer.server = LOCAL;
  const bare = one.peer.check();
  const { sent } = one;
  sent.length = 0;
  expect(agent.request({ ...readStun(bare), hasFingerprint: false }, one.way)).toBe(false);
  expect(sent).toEqual([]);
});

test('a peer that takes itself for controlled is told that it is not', () => {
  const { path } = world();
  const one = path(5_000, false);
  one.peer.check({ role: 'controlled' });
  const [answer, ...others] = one.sent.map((packet) => readStun(packet));
  expect(answer && readError(attributeOf(answer, Attribute.errorCode) ?? new Uint8Array(0)).code).toBe(487);
  expect(others).toEqual([]);
});

test('a check without an answer is sent seven times, and again when the peer asks again', () => {
  const { clock, path } = world();
  const one = path(5_000, false);
  one.peer.check();
  const times: number[] = [];
  for (let ms = 0; ms < 70_000; ms += 100) {
    const before = one.sent.length;
    clock.advance(100);
    if (one.sent.length > before) times.push(ms + 100);
  }
  expect(times).toEqual([500, 1_500, 3_500, 7_500, 15_500, 31_500]);
  expect(new Set(one.sent.slice(1).map((packet) => Buffer.from(packet).toString('hex'))).size).toBe(1);
  const before = one.sent.length;
  one.delivers = true;
  one.peer.check();
  expect(one.sent.length).toBe(before + 3);
});

test('consent is asked for every four to six seconds, and ends half a minute after the last of it', () => {
  const { clock, events, path } = world();
  const one = path(5_000);
  one.peer.check();
  const asked = () => one.sent.filter((packet) => readStun(packet).class === StunClass.request).length;
  const before = asked();
  clock.advance(600_000);
  expect(asked() - before).toBeGreaterThanOrEqual(100);
  expect(asked() - before).toBeLessThanOrEqual(150);
  expect(events).toEqual([`selected ${one.key}`]);
  one.peer.consents = false;
  clock.advance(23_999);
  expect(events).toHaveLength(1);
  clock.advance(6_001);
  expect(events).toEqual([`selected ${one.key}`, 'consent ended']);
  const sent = one.sent.length;
  clock.advance(600_000);
  expect(one.sent.length).toBe(sent);
});

test('eight paths are known: of more, the one that came first without an answer is forgotten, never the chosen one', () => {
  const { agent, events, path } = world();
  const chosen = path(5_000);
  chosen.peer.check();
  const silent = Array.from({ length: 7 }, (_, i) => path(6_000 + i, false));
  for (const { peer } of silent) peer.check();
  expect(events).toHaveLength(1);
  path(7_000).peer.check();
  expect(events.filter((event) => event.startsWith('forgotten'))).toEqual([`forgotten ${silent[0]?.key}`]);
  for (let port = 8_000; port < 8_100; port++) path(port).peer.check();
  expect(agent.selected?.key).toBe('192.0.2.1 8099');
  expect(events.filter((event) => event.startsWith('forgotten'))).toHaveLength(1 + 100);
  agent.close();
  expect(events.filter((event) => event.startsWith('forgotten'))).toHaveLength(1 + 100 + 8);
  expect(agent.selected).toBeUndefined();
});

test('an answer from elsewhere, to nothing, or signed by somebody else, counts for nothing', () => {
  const { agent, path } = world();
  const [one, two] = [path(5_000, false), path(5_001, false)];
  one.peer.check();
  two.peer.check();
  const asked = readStun(one.sent[1] ?? new Uint8Array(0));
  agent.answer(readStun(writeCheckAnswer(asked, one.way.remote, 'a guess')), one.key);
  const elsewhere = new ControllingEnd((packet) => agent.answer(readStun(packet), two.key), REMOTE);
  elsewhere.receive(asked.bytes);
  agent.answer(readStun(one.sent[0] ?? new Uint8Array(0)), one.key);
  expect([agent.media(one.key), agent.media(two.key)]).toEqual([false, false]);
});

test('of damaged checks none is taken, whatever was damaged', () => {
  const { agent, path } = world();
  const one = path(5_000, false);
  // Without its fingerprint, which tells of all such damage before the signature is asked.
  const check = one.peer.check().slice(0, -FINGERPRINT_BYTES);
  check[3] = check.length - STUN_HEADER_BYTES;
  expect(agent.request({ ...readStun(check), hasFingerprint: true }, one.way)).toBe(true);
  const before = one.sent.length;
  fc.assert(
    fc.property(fc.nat(check.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Uint8Array.from(check, (byte, i) => (i === at ? byte ^ flip : byte));
      let message: StunMessage;
      try {
        message = readStun(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
        return;
      }
      expect(agent.request({ ...message, hasFingerprint: true }, one.way)).toBe(false);
      agent.answer(message, one.key);
    }),
    { seed: 8_445 },
  );
  expect([one.sent.length, agent.media(one.key)]).toEqual([before, false]);
});
