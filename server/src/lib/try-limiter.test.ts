import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from './clock.ts';
import { networkOf, TryLimiter } from './try-limiter.ts';

const LIMIT = { tries: 3, windowMs: 60_000, blockMs: 90_000 };

describe('a limit of tries', () => {
  test('lets so many through, then blocks for its time, then begins anew', () => {
    const clock = new FakeClock();
    const limiter = new TryLimiter(LIMIT, clock);
    for (let tries = 0; tries < 3; tries++) {
      expect(limiter.waitMs('192.0.2.1')).toBe(0);
      limiter.count('192.0.2.1');
    }
    expect(limiter.waitMs('192.0.2.1')).toBe(90_000);
    expect(limiter.waitMs('192.0.2.2')).toBe(0);
    clock.advance(89_999);
    expect(limiter.waitMs('192.0.2.1')).toBe(1);
    clock.advance(1);
    expect(limiter.waitMs('192.0.2.1')).toBe(0);
  });

  test('forgets tries that lie apart', () => {
    const clock = new FakeClock();
    const limiter = new TryLimiter(LIMIT, clock);
    for (let tries = 0; tries < 10; tries++) {
      limiter.count('192.0.2.1');
      clock.advance(30_001);
      expect(limiter.waitMs('192.0.2.1')).toBe(0);
    }
  });

  test('tries while blocked do not prolong the block', () => {
    const clock = new FakeClock();
    const limiter = new TryLimiter(LIMIT, clock);
    for (let tries = 0; tries < 20; tries++) limiter.count('192.0.2.1');
    expect(limiter.waitMs('192.0.2.1')).toBe(90_000);
  });
});

describe('the network of an address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:0001:0002::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['unknown', 'unknown'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('two addresses of one /64 are one network', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const groups = fc.array(group, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(groups, groups, groups, (prefix, a, b) => {
        expect(networkOf([...prefix, ...a].join(':'))).toBe(networkOf([...prefix, ...b].join(':')));
      }),
    );
  });
});
