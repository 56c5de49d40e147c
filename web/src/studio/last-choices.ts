/** What was chosen the last time somebody went live from this device. */
import { StreamSettings } from '@millrace/contract/entities/stream';
import { z } from 'zod';

const KEY = 'millrace.choices';
const Choices = StreamSettings.pick({ visibility: true, start: true, record: true }).extend({
  source: z.enum(['device', 'encoder', 'fetch']).optional(),
  rewind: z.enum(['none', 'hours', 'all']),
});
export type Choices = z.infer<typeof Choices>;

const DEFAULTS: Choices = { visibility: 'unlisted', start: 'auto', record: false, rewind: 'hours' };

export function lastChoices(): Choices {
  try {
    // A choice that there was not yet the last time is the usual one.
    return Choices.parse({ ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '') });
  } catch {
    return DEFAULTS;
  }
}

export function rememberChoices(choices: Choices): void {
  localStorage.setItem(KEY, JSON.stringify(choices));
}
