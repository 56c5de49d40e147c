/** Writes the REST interface as OpenAPI 3.1 from the routes, and WHIP and WHEP beside it. tools/generate.ts stores it as openapi.json. */
import { Problem } from './entities/problem.ts';
import type { ErrorCode } from './errors.ts';
import { WebhookEvent } from './events/webhook.ts';
import { asObject, type Json, type JsonObject, SchemaCollection } from './json-schema.ts';
import { problemResponses } from './openapi-problems.ts';
import { API_PREFIX, SESSION_COOKIE } from './protocol.ts';
import { OFFER_SECURITY_SCHEMES, offerPaths } from './rest/offers.ts';
import type { Route } from './rest/route.ts';
import { ROUTES } from './rest/routes.ts';

/** What any operation may answer, whatever it does. */
const ANY_ERRORS: readonly ErrorCode[] = ['internal'];

/** What any write may answer: a browser sent it for another site. */
const WRITE_ERRORS: readonly ErrorCode[] = ['forbidden'];

export function writeOpenApi(version: string): JsonObject {
  const schemas = new SchemaCollection();
  const problem = schemas.add(Problem, 'output');
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of Object.values<Route>(ROUTES)) {
    const path = paths[route.path] ?? {};
    path[route.method] = operation(route, schemas, problem);
    paths[route.path] = path;
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Millrace', version, description: 'Live streaming that you run yourself. Failures are problem documents (RFC 9457) with a `code` from `/errors`.' },
    servers: [{ url: API_PREFIX }],
    paths: { ...paths, ...offerPaths(problem, schemas) },
    webhooks: webhooksOf(schemas),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
        ...OFFER_SECURITY_SCHEMES,
      },
      schemas: schemas.components(),
    },
  };
}

function operation(route: Route, schemas: SchemaCollection, problem: JsonObject): JsonObject {
  const { success } = route;
  const parameters = [...parametersOf(route, 'path', schemas), ...parametersOf(route, 'query', schemas)];
  const answer = success.body ? { content: { 'application/json': { schema: schemas.add(success.body, 'output') } } } : {};
  return {
    operationId: route.id,
    summary: route.summary,
    security: securityOf(route),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: { required: true, content: { 'application/json': { schema: schemas.add(route.body, 'input') } } } } : {}),
    responses: { [success.status]: { description: success.description, ...answer }, ...problemResponses(errorsOf(route), problem) },
  };
}

function errorsOf({ errors, method }: Route): readonly ErrorCode[] {
  return [...errors, ...(method === 'get' ? [] : WRITE_ERRORS), ...ANY_ERRORS];
}

/** What this server sends, as the operations of those who receive it. */
function webhooksOf(schemas: SchemaCollection): JsonObject {
  return Object.fromEntries(
    WebhookEvent.options.map((event): [string, Json] => {
      const { description } = event.meta() ?? {};
      const content = { 'application/json': { schema: schemas.add(event, 'output') } };
      const responses = { '2XX': { description: 'Taken. Anything else, redirects included, and silence for 10 s is tried again for a day.' } };
      return [event.shape.type.value, { post: { summary: description ?? '', parameters: SIGNATURE_HEADERS, requestBody: { required: true, content }, responses } }];
    }),
  );
}

/** Of Standard Webhooks. */
const SIGNATURE_HEADERS: Json = [
  ['webhook-id', 'The same for every attempt of one event: drop what you have seen.'],
  ['webhook-timestamp', 'When it was sent, in seconds since 1970. Refuse what is older than five minutes.'],
  ['webhook-signature', '`v1,` and base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, with the key behind `whsec_`, decoded from base64.'],
].map(([name = '', description = '']) => ({ name, in: 'header', required: true, description, schema: { type: 'string' } }));

function securityOf({ auth }: Route): Json {
  const either = [{ bearer: [] }, { session: [] }];
  switch (auth) {
    case 'none':
      return [];
    case 'optional':
      return [{}, ...either];
    case 'required':
      return either;
  }
}

function parametersOf(route: Route, place: 'path' | 'query', schemas: SchemaCollection): Json[] {
  const schema = place === 'path' ? route.params : route.query;
  if (!schema) return [];
  const { properties = {}, required = [] } = schemas.add(schema, 'input');
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name);
  return Object.entries(asObject(properties)).map(([name, property]) => ({ name, in: place, required: place === 'path' || isRequired(name), schema: property }));
}
