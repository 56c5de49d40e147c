/** For tests: the one thing a parser of outside bytes may throw, over random bytes, damaged good ones and the seeds of past findings. */
import fc from 'fast-check';
import { ProtocolError } from './protocol-error.ts';

/** Checks that `parse` returns or throws ProtocolError for whatever bytes come. */
export function fuzz(parse: (bytes: Uint8Array) => unknown, samples: readonly Uint8Array[]): void {
  const damaged = fc.tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat()).map(([sample, changes, cut]) => {
    const bytes = sample.slice(0, sample.length === 0 ? 0 : sample.length - (cut % 3 === 0 ? cut % sample.length : 0));
    for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
    return bytes;
  });
  const examples = samples.map((sample): [Uint8Array] => [sample]);
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => survives(parse, bytes)),
    { numRuns: 1_500, examples },
  );
}

function survives(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    parse(bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}
