/** Which encoder is used on this machine, whatever it has. */
import { AV_LOG_QUIET } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { beforeAll, expect, test } from 'vitest';
import { EncoderChoice, SOFTWARE, works } from './h264-encoder.ts';

beforeAll(() => Log.setLevel(AV_LOG_QUIET));

test('software works everywhere, and is all there is where hardware is not wanted', () => {
  expect(works(SOFTWARE)).toBe(true);
  expect(new EncoderChoice().choose(false)).toBe(SOFTWARE);
});

test('what is chosen has encoded a picture', () => {
  const choice = new EncoderChoice();
  const chosen = choice.choose(true);
  expect(works(chosen)).toBe(true);
  expect(choice.choose(true)).toBe(chosen);
});

test('an encoder that does not open does not work, and says so without an exception', () => {
  expect(works({ ...SOFTWARE, options: { ...SOFTWARE.options, profile: 'none such' } })).toBe(false);
});
