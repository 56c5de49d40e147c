/** The public REST calls the tests make beside the pages, answers checked by the contract. */

import { Recording, type RecordingSettings } from '@millrace/contract/entities/recording';
import type { Source, SourceMode } from '@millrace/contract/entities/source';
import { Target } from '@millrace/contract/entities/target';
import { API_PREFIX } from '@millrace/contract/protocol';
import { createGuest } from '@millrace/contract/rest/auth';
import { listRecordings } from '@millrace/contract/rest/recordings';
import { getSource } from '@millrace/contract/rest/sources';
import { type CreateStreamRequest, createPlaybackToken, StreamWithAddresses, StreamWithKey } from '@millrace/contract/rest/streams';
import { listTargets } from '@millrace/contract/rest/targets';
import { until } from './until.ts';

export class Owner {
  readonly #base: string;
  readonly token: string;

  private constructor(base: string, token: string) {
    this.#base = base;
    this.token = token;
  }

  static async guest(http: string): Promise<Owner> {
    const answer = createGuest.success.body.parse(await call(http, 'POST', '/auth/guest', {}));
    return new Owner(http, answer.token);
  }

  /** Whoever has this token, such as the person whose browser keeps it. */
  static of(http: string, token: string): Owner {
    return new Owner(http, token);
  }

  async create(settings: CreateStreamRequest): Promise<StreamWithKey> {
    return StreamWithKey.parse(await this.#call('POST', '/streams', settings));
  }

  async get(id: string): Promise<StreamWithAddresses> {
    return StreamWithAddresses.parse(await this.#call('GET', `/streams/${id}`));
  }

  async change(id: string, changes: Partial<CreateStreamRequest>): Promise<StreamWithAddresses> {
    return StreamWithAddresses.parse(await this.#call('PATCH', `/streams/${id}`, changes));
  }

  async stop(id: string, how: { readonly keepRecording?: boolean } = {}): Promise<StreamWithAddresses> {
    return StreamWithAddresses.parse(await this.#call('POST', `/streams/${id}/stop`, how));
  }

  /** Newest first. */
  async recordings(): Promise<Recording[]> {
    return listRecordings.success.body.parse(await this.#call('GET', '/recordings')).items;
  }

  async changeRecording(id: string, changes: Partial<RecordingSettings>): Promise<Recording> {
    return Recording.parse(await this.#call('PATCH', `/recordings/${id}`, changes));
  }

  async deleteRecording(id: string): Promise<void> {
    await this.#call('DELETE', `/recordings/${id}`);
  }

  /** Waits until there is one recording and it is in this state. */
  async untilRecording(state: Recording['state'], timeoutMs: number): Promise<Recording> {
    let seen: readonly Recording[] = [];
    return until(
      async () => {
        seen = await this.recordings();
        return seen.length === 1 && seen[0]?.state === state && seen[0];
      },
      { what: `one recording that is ${state}`, timeoutMs, seen: () => JSON.stringify(seen) },
    );
  }

  async start(id: string): Promise<StreamWithAddresses> {
    return StreamWithAddresses.parse(await this.#call('POST', `/streams/${id}/start`, {}));
  }

  async playbackToken(id: string) {
    return createPlaybackToken.success.body.parse(await this.#call('POST', `/streams/${id}/playback-tokens`, { expiresInSeconds: 3600 }));
  }

  async forward(id: string, url: string, key: string): Promise<Target> {
    return Target.parse(await this.#call('POST', `/streams/${id}/targets`, { url, key }));
  }

  async targets(id: string): Promise<readonly Target[]> {
    return listTargets.success.body.parse(await this.#call('GET', `/streams/${id}/targets`)).items;
  }

  async fetchFrom(id: string, url: string, mode: SourceMode): Promise<void> {
    await this.#call('PATCH', `/streams/${id}/source`, { url, mode });
  }

  async source(id: string): Promise<Source | null> {
    return getSource.success.body.parse(await this.#call('GET', `/streams/${id}/source`)).source;
  }

  /** Waits until the stream says this of itself. */
  async untilStatus(id: string, status: StreamWithKey['stream']['status'], timeoutMs: number): Promise<StreamWithAddresses> {
    let last = '';
    return until(
      async () => {
        const answer = await this.get(id);
        last = answer.stream.status;
        return last === status && answer;
      },
      { what: `the status ${status}`, timeoutMs, seen: () => last },
    );
  }

  #call(method: string, path: string, body?: object): Promise<unknown> {
    return call(this.#base, method, path, body, this.token);
  }
}

async function call(http: string, method: string, path: string, body?: object, token?: string): Promise<unknown> {
  const response = await fetch(`${http}${API_PREFIX}${path}`, {
    method,
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
