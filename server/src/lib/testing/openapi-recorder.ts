/** For tests: checks every answer against openapi.json and remembers which operations were called. */
import openApi from '@millrace/contract/openapi.json' with { type: 'json' };
import { API_PREFIX } from '@millrace/contract/protocol';
import { z } from 'zod';

/** The little of OpenAPI that is needed to find what an answer must be. */
const Operation = z.object({
  operationId: z.string(),
  responses: z.record(
    z.string(),
    z.object({
      headers: z.record(z.string(), z.object({ required: z.boolean().default(false), schema: z.object({ const: z.string().optional() }) })).default({}),
      content: z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) })).optional(),
    }),
  ),
});
const Method = z.enum(['get', 'post', 'patch', 'delete', 'options']);
const PathItem = z.partialRecord(Method, Operation).and(z.object({ servers: z.array(z.object({ url: z.string() })).optional() }));
const Document = z.object({
  paths: z.record(z.string(), PathItem),
  components: z.object({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
});

const document = Document.parse(openApi);

export interface RecorderOptions {
  /** The versioned interface, or WHIP and WHEP beside it. */
  readonly part: 'api' | 'offers';
}

export class OpenApiRecorder {
  readonly #prefix: string;
  readonly #paths: readonly (readonly [string, z.infer<typeof PathItem>])[];
  readonly #exercised = new Set<string>();

  constructor({ part }: RecorderOptions) {
    this.#prefix = part === 'api' ? API_PREFIX : '';
    this.#paths = Object.entries(document.paths).filter(([, item]) => (item.servers === undefined) === (part === 'api'));
  }

  /** Throws when the answer is not one that the document allows. Answers to addresses outside the document are problems. */
  async check(method: string, path: string, response: Response): Promise<void> {
    const operation = this.#operationAt(method, path);
    if (!operation) return;
    const allowed = operation.responses[response.status];
    const name = `${operation.operationId} ${response.status}`;
    if (!allowed) throw new Error(`${name} is not in openapi.json: ${await response.clone().text()}`);
    if (response.status < 400) this.#exercised.add(operation.operationId);
    for (const [header, { required, schema }] of Object.entries(allowed.headers)) {
      const value = response.headers.get(header);
      if (value === null ? required : schema.const !== undefined && value !== schema.const) throw new Error(`${name} has ${header}: ${value}`);
    }
    const text = await response.clone().text();
    const [type, content] = Object.entries(allowed.content ?? {})[0] ?? [];
    if (!content) {
      if (text !== '') throw new Error(`${name} has a body: ${text}`);
      return;
    }
    if (response.headers.get('content-type') !== type) throw new Error(`${name} is ${response.headers.get('content-type')}, not ${type}`);
    const parsed = schemaOf(content.schema).safeParse(type?.endsWith('json') ? JSON.parse(text) : text);
    if (!parsed.success) throw new Error(`${name} is not as openapi.json says: ${z.prettifyError(parsed.error)}`);
  }

  /** Operations of this part that no test has brought to succeed. */
  missing(): string[] {
    const all = this.#paths.flatMap(([, item]) => Method.options.flatMap((method) => item[method]?.operationId ?? []));
    return all.filter((id) => !this.#exercised.has(id));
  }

  #operationAt(method: string, path: string): z.infer<typeof Operation> | undefined {
    const named = Method.safeParse(method.toLowerCase());
    const below = path.slice(this.#prefix.length).split('?')[0] ?? '';
    if (!named.success || !path.startsWith(this.#prefix)) return undefined;
    for (const [template, item] of this.#paths) {
      const pattern = new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      if (pattern.test(below)) return item[named.data];
    }
    return undefined;
  }
}

function schemaOf(schema: Record<string, unknown>): z.ZodType {
  const local = JSON.stringify({ ...schema, $defs: document.components.schemas }).replaceAll('#/components/schemas/', '#/$defs/');
  return z.fromJSONSchema(JSON.parse(local));
}
