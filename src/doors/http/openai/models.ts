import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { ServedModel } from "../../../service/models/models.js";
import { USUAL } from "../../../service/models/names.js";
import type { Service } from "../../../service/service.js";

const MODEL = Type.Object({
  id: Type.String({ description: "What a request may name it by" }),
  object: Type.Literal("model"),
  created: Type.Integer({ description: "When this server was started, in Unix seconds" }),
  owned_by: Type.String(),
  task: Type.Literal("automatic-speech-recognition"),
  model: Type.String({ description: "What is loaded for it" }),
  loaded: Type.Boolean({ description: "Whether it is in memory: others are loaded when they are asked for" }),
  implementation: Type.Optional(Type.String({ description: "Once it has been loaded" })),
  languages: Type.Optional(Type.Array(Type.String(), { description: "Once it has been loaded" })),
});
const LIST = Type.Object({ object: Type.Literal("list"), data: Type.Array(MODEL) });

type Model = Type.Static<typeof MODEL>;

/** `GET /v1/models` and one of them, also without `/v1`. */
export function addModels(app: FastifyInstance, service: Service): void {
  const created = Math.floor(Date.now() / 1000);
  const describe = (id: string, { name, info, state }: ServedModel): Model => ({
    id,
    object: "model",
    created,
    owned_by: "agora-transcribe",
    task: "automatic-speech-recognition",
    model: name,
    loaded: state?.state === "loaded",
    ...(info && { implementation: info.implementation, languages: [...info.languages] }),
  });
  for (const prefix of ["/v1", ""]) {
    const hide = prefix === "";
    app.get(
      `${prefix}/models`,
      {
        schema: { summary: "Models that can be asked for", tags: ["OpenAI"], response: { 200: LIST }, hide },
      },
      async () => {
        const data = (await service.models.list()).flatMap((model) =>
          namesOf(model).map((id) => describe(id, model)),
        );
        return { object: "list", data };
      },
    );
    // Names may have a slash, which clients write as it is or as %2F.
    app.get<{ Params: { "*": string } }>(
      `${prefix}/models/*`,
      { schema: { summary: "One model", tags: ["OpenAI"], response: { 200: MODEL }, hide } },
      async ({ params }) => describe(params["*"], await service.models.choose(params["*"])),
    );
  }
}

/** OpenAI's clients ask for the main one by the name that they know. */
function namesOf({ name, aliases, isMain }: ServedModel): string[] {
  return [...new Set([name, ...(isMain ? [USUAL] : []), ...aliases])];
}
