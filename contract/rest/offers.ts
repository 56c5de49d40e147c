/**
 * WHIP and WHEP as OpenAPI describes them: outside of the versioned interface, in SDP instead of JSON, with headers that matter. Source: RFC 9725 and the
 * WHEP draft. Requests go past the REST framework, so these are no routes.
 */
import { LayerSelection, Layers } from '../entities/layer.ts';
import type { ErrorCode } from '../errors.ts';
import { asObject, type Json, type JsonObject, type SchemaCollection } from '../json-schema.ts';
import { problemResponses } from '../openapi-problems.ts';

/** What an offer may be refused for, whichever way media goes. */
const OFFER_ERRORS: readonly ErrorCode[] = ['sdp_malformed', 'stream_not_found', 'no_common_codec', 'body_too_large', 'sdp_expected', 'too_many_requests', 'overloaded'];

interface Direction {
  readonly name: 'whip' | 'whep';
  readonly operation: string;
  readonly summary: string;
  readonly description: string;
  readonly security: Json;
  readonly query: readonly Json[];
  readonly errors: readonly ErrorCode[];
}

const DIRECTIONS: readonly Direction[] = [
  {
    name: 'whip',
    operation: 'Publishing',
    summary: 'Publish a stream by WHIP (RFC 9725)',
    description: 'An SDP offer that sends. The bearer is the stream key.',
    security: [{ streamKey: [] }],
    query: [],
    errors: ['stream_key_refused', 'guests_not_allowed', 'publisher_present', 'limit_reached'],
  },
  {
    name: 'whep',
    operation: 'Playing',
    summary: 'Watch a stream by WHEP',
    description: 'An SDP offer that receives. Private streams want a playback token, or the session of their owner.',
    security: [{}, { playbackToken: [] }, { bearer: [] }, { session: [] }],
    query: [
      { name: 'token', in: 'query', required: false, description: 'A playback token, when it is not the bearer.', schema: { type: 'string' } },
      {
        name: 'viewer',
        in: 'query',
        required: false,
        description: 'The `visitorId` of a stream socket that says `WATCH`: that socket is counted as the viewer, and this session is not.',
        schema: { type: 'string' },
      },
    ],
    errors: ['playback_not_allowed', 'no_publisher', 'on_another_server'],
  },
];

const TEXT = { type: 'string' } as const;

const ANY_ORIGIN = { 'Access-Control-Allow-Origin': header('Pages of every origin may ask.', { const: '*' }) };

/** The five paths, relative to the root of the server. */
export function offerPaths(problem: JsonObject, schemas: SchemaCollection): Record<string, JsonObject> {
  return Object.fromEntries([
    ...DIRECTIONS.flatMap((direction): (readonly [string, JsonObject])[] => [
      [`/${direction.name}/{id}`, endpoint(direction, problem)],
      [`/${direction.name}/{id}/{session}`, session(direction, problem)],
    ]),
    ['/whep/{id}/{session}/layer', layer(problem, schemas)],
  ]);
}

/** Their bearer tokens. */
export const OFFER_SECURITY_SCHEMES: Record<string, JsonObject> = {
  streamKey: { type: 'http', scheme: 'bearer', description: 'The key of the stream, as encoders have it.' },
  playbackToken: { type: 'http', scheme: 'bearer', description: 'A playback token of the stream.' },
};

function endpoint({ operation, summary, description, security, query, errors }: Direction, problem: JsonObject): JsonObject {
  return {
    servers: [{ url: '/' }],
    parameters: [pathParameter('id', 'The stream’s id.')],
    post: {
      operationId: `start${operation}`,
      summary,
      description,
      security,
      ...(query.length > 0 && { parameters: query }),
      requestBody: { required: true, content: { 'application/sdp': { schema: TEXT } } },
      responses: {
        201: {
          description: 'The answer. Media may begin.',
          headers: {
            Location: header('The session: an absolute path.'),
            ETag: header('The state of the session, for `If-Match`.'),
            'Accept-Patch': header('What PATCH takes.', { const: 'application/trickle-ice-sdpfrag' }),
            Link: {
              ...header('STUN and TURN servers, each with `rel="ice-server"`; of WHEP sessions with a picture also `rel="urn:ietf:params:whep:ext:core:layer"`.'),
              required: false,
            },
            ...ANY_ORIGIN,
          },
          content: { 'application/sdp': { schema: TEXT } },
        },
        ...problemResponses([...OFFER_ERRORS, ...errors, 'internal'], problem),
      },
    },
    options: options(`describe${operation}`, 'POST, OPTIONS'),
  };
}

function session({ name, operation, security }: Direction, problem: JsonObject): JsonObject {
  const same = 'With the bearer token that POST carried, if it carried one.';
  return {
    servers: [{ url: '/' }],
    parameters: [pathParameter('id', 'The stream’s id.'), pathParameter('session', 'Of the `Location` that POST answered with.')],
    patch: {
      operationId: `trickle${operation}`,
      summary: 'Tell ICE candidates, which the server does not need, or restart ICE',
      description: `${same} Credentials other than those in use restart ICE: media goes on by the path it has until the new ones have found one. Not more often than once a second.`,
      security,
      parameters: [{ name: 'If-Match', in: 'header', required: true, description: 'The `ETag` of the session; `*` in a restart of ICE.', schema: TEXT }],
      requestBody: { required: true, content: { 'application/trickle-ice-sdpfrag': { schema: TEXT } } },
      responses: {
        200: {
          description: 'ICE restarts with the credentials and candidates told here; the `ETag` of before is void.',
          headers: { ETag: header('The state of the session.'), ...ANY_ORIGIN },
          content: { 'application/trickle-ice-sdpfrag': { schema: TEXT } },
        },
        204: { description: 'Taken.', headers: { ETag: header('The state of the session.'), ...ANY_ORIGIN } },
        ...problemResponses(
          [
            'sdp_malformed',
            'session_token_required',
            'session_not_found',
            'precondition_failed',
            'body_too_large',
            'sdp_expected',
            'ice_restart_unsupported',
            'precondition_required',
            'too_many_requests',
            'overloaded',
            'internal',
          ],
          problem,
        ),
      },
    },
    delete: {
      operationId: `stop${operation}`,
      summary: name === 'whip' ? 'End publishing; the broadcast waits a moment for another publisher' : 'End watching',
      description: same,
      security,
      responses: {
        200: { description: 'It is over.', headers: ANY_ORIGIN },
        ...problemResponses(['session_token_required', 'session_not_found', 'internal'], problem),
      },
    },
    options: options(`describe${operation}Session`, 'PATCH, DELETE, OPTIONS'),
  };
}

function layer(problem: JsonObject, schemas: SchemaCollection): JsonObject {
  const security = [{}, { playbackToken: [] }, { bearer: [] }, { session: [] }];
  const gone = ['session_token_required', 'session_not_found', 'not_found', 'internal'] as const;
  const schemaOf = (schema: typeof Layers | typeof LayerSelection, io: 'input' | 'output') => ({ 'application/json': { schema: schemas.add(schema, io) } });
  return {
    servers: [{ url: '/' }],
    parameters: [pathParameter('id', 'The stream’s id.'), pathParameter('session', 'Of the `Location` that POST answered with.')],
    get: {
      operationId: 'listLayers',
      summary: 'The sizes of the picture that a viewer may choose from',
      description: 'In the form of the WHEP draft’s `layers` event. Smaller ones may have yet to be made: they begin when they are chosen.',
      security,
      responses: { 200: { description: 'The sizes.', headers: ANY_ORIGIN, content: schemaOf(Layers, 'output') }, ...problemResponses(gone, problem) },
    },
    post: {
      operationId: 'selectLayer',
      summary: 'Send one size of the picture, or the best that the network takes',
      description: 'The size changes with the next key frame there is of it; until then, and while nothing comes of it, the next smaller is sent, or else the next larger.',
      security,
      requestBody: { required: true, content: schemaOf(LayerSelection, 'input') },
      responses: { 200: { description: 'Chosen.', headers: ANY_ORIGIN }, ...problemResponses(['invalid_request', 'body_too_large', 'unsupported_media_type', ...gone], problem) },
    },
    options: options('describeLayers', 'GET, POST, OPTIONS', 'application/json'),
  };
}

/** As browsers ask before they send for a page of another origin. */
function options(operationId: string, methods: string, posted = 'application/sdp'): JsonObject {
  return {
    operationId,
    summary: 'What is taken here',
    security: [],
    responses: {
      204: {
        description: 'For browsers and for whoever wants to know.',
        headers: {
          Allow: header('Methods.', { const: methods }),
          'Accept-Post': header('What POST takes.', { const: posted }),
          'Access-Control-Allow-Methods': header('Methods.', { const: methods }),
          'Access-Control-Allow-Headers': header('`Authorization`, `Content-Type` and `If-Match`.'),
          ...ANY_ORIGIN,
        },
      },
    },
  };
}

function header(description: string, schema: JsonObject = {}): JsonObject {
  return { description, required: true, schema: { ...TEXT, ...asObject(schema) } };
}

function pathParameter(name: string, description: string): JsonObject {
  return { name, in: 'path', required: true, description, schema: TEXT };
}
