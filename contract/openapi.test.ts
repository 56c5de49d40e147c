import { describe, expect, test } from 'vitest';
import { writeAsyncApi } from './asyncapi.ts';
import { StreamSocketCommand } from './commands/stream-socket.ts';
import { RecordingSocketEvent } from './events/recording-socket.ts';
import { StreamSocketEvent } from './events/stream-socket.ts';
import { SubscribableEvent } from './events/webhook.ts';
import { asObject, type Json } from './json-schema.ts';
import { writeOpenApi } from './openapi.ts';
import { ROUTES } from './rest/routes.ts';

function refsIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(refsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' && typeof inner === 'string' ? [inner] : refsIn(inner)));
}

function resolves(document: Json, ref: string): boolean {
  let at: Json | undefined = document;
  for (const step of ref.replace(/^#\//, '').split('/')) at = at === undefined ? undefined : asObject(at)[step];
  return at !== undefined;
}

describe('the OpenAPI document', () => {
  const document = writeOpenApi('1.0.0');

  const paths = Object.entries(asObject(document['paths'] ?? {})).map(([path, item]) => [path, asObject(item ?? {})] as const);
  const operationIds = (items: typeof paths) =>
    items.flatMap(([, item]) => ['get', 'post', 'patch', 'delete', 'options'].flatMap((method) => asObject(item[method] ?? {})['operationId'] ?? []));

  test('has every route under its id', () => {
    expect(operationIds(paths.filter(([, item]) => item['servers'] === undefined)).sort()).toEqual(Object.keys(ROUTES).sort());
  });

  test('has WHIP and WHEP and their sessions, at the root of the server', () => {
    const offers = paths.filter(([, item]) => item['servers'] !== undefined);
    expect(offers.map(([path]) => path)).toEqual(['/whip/{id}', '/whip/{id}/{session}', '/whep/{id}', '/whep/{id}/{session}', '/whep/{id}/{session}/layer']);
    expect(offers.map(([, item]) => item['servers'])).toEqual(Array(5).fill([{ url: '/' }]));
    const ids = operationIds(paths);
    expect(new Set(ids).size).toBe(ids.length);
    expect(operationIds(offers)).toHaveLength(13);
  });

  test('has every event that webhooks are sent', () => {
    expect(Object.keys(asObject(document['webhooks'] ?? {})).sort()).toEqual([...SubscribableEvent.options, 'webhook.test'].sort());
  });

  test('refers to nothing that it does not define', () => {
    const refs = refsIn(document);
    expect(refs.length).toBeGreaterThan(10);
    expect(refs.filter((ref) => !resolves(document, ref))).toEqual([]);
  });
});

describe('the AsyncAPI document', () => {
  const document = writeAsyncApi('1.0.0');

  test('has every command and event', () => {
    const namesOf = (channel: string) => Object.keys(asObject(asObject(asObject(document['channels'] ?? {})[channel] ?? {})['messages'] ?? {})).sort();
    const namesIn = (options: readonly { readonly shape: { readonly type: { readonly value: string } } }[]) => options.map((option) => option.shape.type.value).sort();
    expect(namesOf('stream')).toEqual(namesIn([...StreamSocketCommand.options, ...StreamSocketEvent.options]));
    expect(namesOf('recordings')).toEqual(namesIn(RecordingSocketEvent.options));
  });

  test('refers to nothing that it does not define', () => {
    expect(refsIn(document).filter((ref) => !resolves(document, ref))).toEqual([]);
  });
});
