/** A setting that cannot be used, in a sentence naming the key, the value and what is allowed. Stops the start. */
import { StartError } from '../lib/start-error.ts';

export class ConfigError extends StartError {
  readonly key: string;

  constructor(key: string, message: string) {
    super(message);
    this.name = 'ConfigError';
    this.key = key;
  }
}
