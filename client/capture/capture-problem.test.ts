/** Why there is no camera. */
import { expect, it } from 'vitest';
import { captureProblemOf } from './capture-problem.ts';

it.each([
  ['NotAllowedError', 'refused'],
  ['NotReadableError', 'in-use'],
  ['NotFoundError', 'none'],
  ['OverconstrainedError', 'none'],
  ['TypeError', 'unsupported'],
  ['InvalidStateError', 'unknown'],
] as const)('takes %s for %s', (name, problem) => {
  expect(captureProblemOf(new DOMException('', name))).toBe(problem);
});

it('has an answer for anything thrown', () => {
  expect(captureProblemOf('no')).toBe('unknown');
  expect(captureProblemOf(undefined)).toBe('unknown');
});
