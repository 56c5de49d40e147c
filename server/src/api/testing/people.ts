/** What API tests do over and over: become somebody, make a stream, read an answer. */

import { Problem } from '@millrace/contract/entities/problem';
import { User } from '@millrace/contract/entities/user';
import { StreamWithKey } from '@millrace/contract/rest/streams';
import { z } from 'zod';
import type { TestServer } from './test-server.ts';

const GuestAnswer = z.object({ token: z.string(), user: User });

export async function becomeGuest(server: TestServer): Promise<z.infer<typeof GuestAnswer>> {
  const response = await server.request('/api/v1/auth/guest', { method: 'POST', body: {} });
  return GuestAnswer.parse(await response.json());
}

export async function makeStream(server: TestServer, token: string, settings: object = {}): Promise<StreamWithKey> {
  const response = await server.request('/api/v1/streams', { method: 'POST', token, body: { title: 'Harbour', ...settings } });
  return StreamWithKey.parse(await response.json());
}

/** The body as the contract describes it. */
export async function read<Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.output<Schema>> {
  return schema.parse(await response.json());
}

export async function problemOf(response: Response): Promise<Problem> {
  return read(response, Problem);
}
