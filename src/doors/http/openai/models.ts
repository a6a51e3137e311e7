import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { TranscriptionError } from "../../../index.js";
import { meansModel } from "../../../service/model-names.js";
import type { Service } from "../../../service/service.js";
import { entriesOf } from "../../../service/setting-values.js";
import { cut } from "../../../service/text.js";

const MODEL = Type.Object({
  id: Type.String({ description: "What a request may name it by" }),
  object: Type.Literal("model"),
  created: Type.Integer({ description: "When this server was started, in Unix seconds" }),
  owned_by: Type.String(),
  model: Type.String({ description: "What is loaded" }),
  implementation: Type.String(),
  languages: Type.Array(Type.String()),
});
const LIST = Type.Object({ object: Type.Literal("list"), data: Type.Array(MODEL) });

type Model = Type.Static<typeof MODEL>;

/** The name by which OpenAI's clients know their first model, and most of them still ask for one. */
const USUAL = "whisper-1";

/** `GET /v1/models` and one of them, also without `/v1`. */
export function addModels(app: FastifyInstance, service: Service): void {
  const created = Math.floor(Date.now() / 1000);
  const describe = (id: string): Model => {
    const { implementation, languages, model } = service.workers.transcriber.info;
    return {
      id,
      object: "model",
      created,
      owned_by: "agora-transcribe",
      model: model.name,
      implementation,
      languages: [...languages],
    };
  };
  for (const prefix of ["/v1", ""]) {
    const hide = prefix === "";
    app.get(
      `${prefix}/models`,
      {
        schema: { summary: "Models that can be asked for", tags: ["OpenAI"], response: { 200: LIST }, hide },
      },
      async () => {
        const { name } = service.workers.transcriber.info.model;
        const ids = new Set([name, USUAL, ...entriesOf(service.settings.modelAliases)]);
        return { object: "list", data: [...ids].map(describe) };
      },
    );
    // Names may have a slash, which clients write as it is or as %2F.
    app.get<{ Params: { "*": string } }>(
      `${prefix}/models/*`,
      { schema: { summary: "One model", tags: ["OpenAI"], response: { 200: MODEL }, hide } },
      async ({ params }) => describe(requireModel(params["*"], service)),
    );
  }
}

/** Whether `name` means the model that is served. */
export function meansServed(name: string, { settings, workers }: Service): boolean {
  return meansModel(name, workers.transcriber.info.model.name, settings.modelAliases);
}

/** `name`, if it means the model that is served. @throws TranscriptionError MODEL_NOT_FOUND */
export function requireModel(name: string, service: Service): string {
  const { model } = service.workers.transcriber.info;
  if (meansServed(name, service)) return name;
  const message = `No model ${JSON.stringify(cut(name))} is served here: ask for ${model.name} or ${USUAL}`;
  throw new TranscriptionError("MODEL_NOT_FOUND", message, { option: "model" });
}
