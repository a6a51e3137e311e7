import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import type { ServedModel } from "../../../service/models/models.js";
import type { Service } from "../../../service/service.js";
import { fail } from "../app.js";

const DETAILS = Type.Object({
  name: Type.String(),
  state: Type.Enum(["waiting", "loading", "loaded", "leaving"]),
  memory_bytes: Type.Integer({ description: "As measured when it was loaded" }),
  requests: Type.Integer({ description: "Requests that use it, or wait for it" }),
  loaded_at: Type.Union([Type.Number(), Type.Null()], { description: "Unix seconds" }),
  expires_at: Type.Union([Type.Number(), Type.Null()], {
    description: "When it is unloaded unless it is used, in Unix seconds; null: it is in use, or stays",
  }),
});
const LOADED = Type.Object({
  models: Type.Array(Type.String(), { description: "Models that are in memory" }),
  details: Type.Array(DETAILS),
  memory_bytes: Type.Integer({ description: "Of all of them" }),
  max_memory_bytes: Type.Union([Type.Integer(), Type.Null()], { description: "MODELS_MAX_MEMORY" }),
});
const MESSAGE = Type.Object({ message: Type.String() });

const TAGS = ["Models"];
const ONE = "/api/ps/*";
interface ByName {
  Params: { "*": string };
}

/** `GET /api/ps` of speaches: models that are in memory; `POST` and `DELETE` of one: loads it, unloads it. */
export function addLoadedModels(app: FastifyInstance, service: Service): void {
  const { models } = service;
  app.get(
    "/api/ps",
    { schema: { summary: "Models that are in memory", tags: TAGS, response: { 200: LOADED } } },
    async () => {
      const { used, budget } = models.memory;
      const { states } = models;
      return {
        models: states.filter(({ state }) => state === "loaded").map(({ name }) => name),
        details: states.map(({ name, state, memory, users, loadedAt, expiresAt }) => ({
          name,
          state,
          memory_bytes: memory,
          requests: users,
          loaded_at: loadedAt ?? null,
          expires_at: expiresAt ?? null,
        })),
        memory_bytes: used,
        max_memory_bytes: Number.isFinite(budget) ? budget : null,
      };
    },
  );
  const answers = { 404: MESSAGE, 409: MESSAGE };
  const one = (
    request: FastifyRequest<ByName>,
    reply: FastifyReply,
    work: (model: ServedModel) => Promise<[status: number, message: string]>,
  ): Promise<FastifyReply> => {
    const { call, params } = request;
    const named = async () => {
      call.markReading();
      call.markReceived();
      return work(await models.choose(params["*"]));
    };
    const deliver = ([status, message]: [number, string]) => void reply.code(status).send({ message });
    const refuse = (reason: unknown) => void fail(service, request as FastifyRequest, reply, reason);
    return call.attempt(named, deliver, refuse).then(() => reply);
  };
  app.post<ByName>(
    ONE,
    { schema: { summary: "Load a model", tags: TAGS, response: { 201: MESSAGE, ...answers } } },
    (request, reply) =>
      one(request, reply, async (model) => {
        if (model.state?.state === "loaded") return [409, `Model ${model.name} is already loaded`];
        await service.withModel(request.call, model, async () => {});
        return [201, `Model ${model.name} loaded`];
      }),
  );
  app.delete<ByName>(
    ONE,
    { schema: { summary: "Unload a model", tags: TAGS, response: { 200: MESSAGE, ...answers } } },
    (request, reply) =>
      one(request, reply, async (model) => {
        const refused = await models.unload(model);
        if (refused === "absent") return [404, `Model ${model.name} is not loaded`];
        if (refused === "busy") return [409, `Model ${model.name} is in use`];
        return [200, `Model ${model.name} unloaded`];
      }),
  );
}
