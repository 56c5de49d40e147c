/** Checks every answer of a test against openapi.json and remembers which operations were called. */
import openApi from '@millrace/contract/openapi.json' with { type: 'json' };
import { API_PREFIX } from '@millrace/contract/protocol';
import { z } from 'zod';

/** The little of OpenAPI that is needed to find the schema of an answer. */
const Operation = z.object({
  operationId: z.string(),
  responses: z.record(z.string(), z.object({ content: z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) })).optional() })),
});
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
});

const document = Document.parse(openApi);

export class Recorder {
  readonly #exercised = new Set<string>();

  /** Throws when the answer is not one that the document allows. Answers to addresses outside the document are problems. */
  async check(method: string, path: string, response: Response): Promise<void> {
    const operation = operationAt(method, path);
    if (!operation) return;
    const allowed = operation.responses[response.status];
    const name = `${operation.operationId} ${response.status}`;
    if (!allowed) throw new Error(`${name} is not in openapi.json: ${await response.clone().text()}`);
    if (response.status < 400) this.#exercised.add(operation.operationId);
    const [type, content] = Object.entries(allowed.content ?? {})[0] ?? [];
    if (!content) {
      const text = await response.clone().text();
      if (text !== '') throw new Error(`${name} has a body: ${text}`);
      return;
    }
    if (response.headers.get('content-type') !== type) throw new Error(`${name} is ${response.headers.get('content-type')}, not ${type}`);
    const parsed = schemaOf(content.schema).safeParse(await response.clone().json());
    if (!parsed.success) throw new Error(`${name} is not as openapi.json says: ${z.prettifyError(parsed.error)}`);
  }

  /** Operations of the document that no test has brought to succeed. */
  missing(): string[] {
    const all = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((operation) => operation.operationId));
    return all.filter((id) => !this.#exercised.has(id));
  }
}

function operationAt(method: string, path: string): z.infer<typeof Operation> | undefined {
  const below = path.slice(API_PREFIX.length).split('?')[0] ?? '';
  for (const [template, methods] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    if (path.startsWith(API_PREFIX) && pattern.test(below)) return methods[method.toLowerCase()];
  }
  return undefined;
}

function schemaOf(schema: Record<string, unknown>): z.ZodType {
  const local = JSON.stringify({ ...schema, $defs: document.components.schemas }).replaceAll('#/components/schemas/', '#/$defs/');
  return z.fromJSONSchema(JSON.parse(local));
}
