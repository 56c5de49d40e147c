import { expect, it } from 'vitest';
import { Throughput } from './throughput.ts';

it('knows nothing before the first piece', () => {
  expect(new Throughput().bitsPerSecond).toBeUndefined();
});

it('does not take small pieces for a slow network', () => {
  const throughput = new Throughput();
  for (let i = 0; i < 10; i++) throughput.add({ bytes: 3000, transferMs: 0.2 });
  expect(throughput.bitsPerSecond).toBe(6_000_000);
});

it('comes down with the first slow pieces, and up again only once they are past', () => {
  const throughput = new Throughput();
  for (let i = 0; i < 16; i++) throughput.add({ bytes: 40_000, transferMs: 10 });
  expect(throughput.bitsPerSecond).toBe(32_000_000);
  throughput.add({ bytes: 8_000, transferMs: 128 });
  expect(throughput.bitsPerSecond).toBeLessThan(1_500_000);
  throughput.add({ bytes: 8_000, transferMs: 128 });
  expect(throughput.bitsPerSecond).toBeLessThan(760_000);
  for (let i = 0; i < 3; i++) throughput.add({ bytes: 40_000, transferMs: 10 });
  expect(throughput.bitsPerSecond).toBeLessThan(4_000_000);
  for (let i = 0; i < 16; i++) throughput.add({ bytes: 40_000, transferMs: 10 });
  expect(throughput.bitsPerSecond).toBe(32_000_000);
});

it('does not count what held nothing', () => {
  const throughput = new Throughput();
  throughput.add({ bytes: 0, transferMs: 900 });
  expect(throughput.bitsPerSecond).toBeUndefined();
});
