/** JSON Schema of the contract's zod schemas, with every named entity once under `components`. */
import { z } from 'zod';

/** A JSON value, as far as documents are concerned. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

/** What any 64-bit float holds exactly says nothing about a field. */
const NOT_A_LIMIT = new Set([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);

/** Gathers the named schemas that the converted ones refer to. */
export class SchemaCollection {
  readonly #components = new Map<string, JsonObject>();

  /** `input`: what may be sent; `output`: what is answered. */
  add(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
    const converted = z.toJSONSchema(schema, {
      io,
      override({ jsonSchema }) {
        // The format says it; the pattern is a screen long.
        if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
        if (jsonSchema.maximum !== undefined && NOT_A_LIMIT.has(jsonSchema.maximum)) delete jsonSchema.maximum;
        if (jsonSchema.minimum !== undefined && NOT_A_LIMIT.has(jsonSchema.minimum)) delete jsonSchema.minimum;
      },
    });
    const { $schema: _$schema, $defs, ...own } = asObject(withComponentRefs(JSON.parse(JSON.stringify(converted))));
    for (const [name, definition] of Object.entries(asObject($defs ?? {}))) this.#define(name, asObject(definition ?? {}));
    return own;
  }

  /** By name, sorted, so that the document does not change with the order of the routes. */
  components(): JsonObject {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #define(name: string, definition: JsonObject): void {
    const { id: _id, ...schema } = definition;
    const known = this.#components.get(name);
    if (known && JSON.stringify(known) !== JSON.stringify(schema)) throw new Error(`two different schemas are called ${name}`);
    this.#components.set(name, schema);
  }
}

/** Throws for anything that is not an object. */
export function asObject(value: Json): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`expected an object, found ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(value));
}

function withComponentRefs(value: Json): Json {
  if (Array.isArray(value)) return value.map(withComponentRefs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === '$ref' && typeof inner === 'string') return [key, inner.replace('#/$defs/', '#/components/schemas/')];
      return [key, inner === undefined ? undefined : withComponentRefs(inner)];
    }),
  );
}
