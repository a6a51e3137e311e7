import type { FastifyInstance, FastifySchema, RouteOptions } from "fastify";
import { VERSION } from "../../../index.js";

declare module "fastify" {
  interface FastifySchema {
    summary?: string;
    description?: string;
    tags?: readonly string[];
    /** Not described: another path for the same. */
    hide?: boolean;
    /** Of a multipart form, which its reader validates: the schema is made of the table that it reads by. */
    form?: object;
    /** Of what stands in the address, where its reader validates it, as a form's does. */
    parameters?: object;
    /** Media types of answers beside JSON, with what each is. */
    produces?: Readonly<Record<string, string>>;
  }
}

/** What a path of the interface looks like, as OpenAPI has it. */
interface Operation {
  method: string;
  path: string;
  schema: FastifySchema;
  keeping: string;
}

const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "param", "code"],
      properties: {
        message: { type: "string" },
        type: { enum: ["invalid_request_error", "authentication_error", "rate_limit_error", "server_error"] },
        param: { type: ["string", "null"], description: "The field that is wrong" },
        code: { type: "string", description: "Stable, for programs" },
      },
    },
  },
};

/** The interface as an OpenAPI document, of the very schemas that requests are validated by. */
export class Description {
  readonly #operations: Operation[] = [];

  /** @param app before its routes are added */
  constructor(app: FastifyInstance) {
    app.addHook("onRoute", (route) => this.#add(route));
  }

  get operations(): readonly Operation[] {
    return this.#operations;
  }

  #add({ config, method, schema, url }: RouteOptions): void {
    if (!schema || schema.hide) return;
    const { keeping = "call" } = (config ?? {}) as { keeping?: string };
    for (const each of [method].flat()) {
      if (each === "HEAD") continue;
      this.#operations.push({ method: each.toLowerCase(), path: url, schema, keeping });
    }
  }

  /** OpenAPI 3.1. */
  document(): object {
    const paths: Record<string, Record<string, object>> = {};
    for (const { method, path, schema, keeping } of this.#operations) {
      const name = path.replace(/:(\w+)(\([^/]*\))?/g, "{$1}").replace(/\*$/, "{name}");
      paths[name] = { ...paths[name], [method]: operation(name, method, schema, keeping) };
    }
    return {
      openapi: "3.1.0",
      info: {
        title: "agora-transcribe",
        version: VERSION,
        description: "Speech to text on your own machine. Clients of OpenAI's audio API work unchanged.",
        license: { name: "MIT", identifier: "MIT" },
      },
      paths,
      components: {
        schemas: { Error: ERROR },
        securitySchemes: { token: { type: "http", scheme: "bearer" } },
      },
    };
  }
}

function operation(path: string, method: string, schema: FastifySchema, keeping: string): object {
  const { body, description, form, params, produces, response, summary, tags } = schema;
  const query = (schema.querystring ?? schema.parameters) as
    | { properties?: object; required?: string[] }
    | undefined;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: propertyOf(params, name!) ?? { type: "string" },
  }));
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, property]) => ({
    name,
    in: "query",
    required: (query?.required ?? []).includes(name),
    schema: property,
  }));
  const content = form
    ? { "multipart/form-data": { schema: form } }
    : body
      ? { "application/json": { schema: body } }
      : undefined;
  return {
    operationId: `${method}${path.replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase()).replace(/\W/g, "")}`,
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
    ...(tags && { tags }),
    ...(keeping !== "public" && { security: [{ token: [] }] }),
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(content && { requestBody: { required: true, content } }),
    responses: {
      ...answers(response as Record<string, object> | undefined, produces),
      default: {
        description: "A failure",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function answers(
  response: Record<string, object> = {},
  produces: Readonly<Record<string, string>> = {},
): object {
  const others = Object.entries(produces).map(([type, description]) => [
    type,
    { schema: { type: "string", description } },
  ]);
  const entries = Object.entries(response).map(([status, schema]) => {
    const content = { "application/json": { schema }, ...Object.fromEntries(others) };
    return [status, { description: "Success", content }];
  });
  if (entries.length > 0) return Object.fromEntries(entries);
  return { 200: { description: "Success", content: Object.fromEntries(others) } };
}

function propertyOf(schema: unknown, name: string): object | undefined {
  return (schema as { properties?: Record<string, object> } | undefined)?.properties?.[name];
}
