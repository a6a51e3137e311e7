import type { Transcriber } from "../../../index.js";
import type { Call } from "../../../service/call/call.js";
import type { ServedModel } from "../../../service/models/models.js";
import { fieldName, OPTION_FIELDS } from "../../../service/options/fields.js";
import * as kind from "../../../service/options/kinds.js";
import { type Given, readField } from "../../../service/options/read-options.js";
import type { Service } from "../../../service/service.js";

/** The field by which a request names its model, whatever its endpoint. */
export const MODEL_FIELD = {
  kind: kind.text,
  is: "Any name of an installed model, or of one of OpenAI's, which means the server's own. Default: that.",
} as const;

/**
 * Does `work` with the model that a request names, loaded for it within its `timeout`.
 * @throws TranscriptionError MODEL_NOT_FOUND, INVALID_ARGUMENT, and as {@link Service.withModel}
 */
export async function withNamedModel<T>(
  service: Service,
  call: Call,
  given: Given,
  work: (transcriber: Transcriber, model: ServedModel) => Promise<T>,
): Promise<T> {
  const model = await service.models.choose(readField("model", MODEL_FIELD.kind, given));
  const deadline = { timeout: timeoutOf(given), timeoutName: "timeout" };
  return service.withModel(call, model, (transcriber) => work(transcriber, model), deadline);
}

/** What is no timeout is told when the request's options are read. */
function timeoutOf(given: Given): number | undefined {
  const seconds = readField(fieldName("timeout"), OPTION_FIELDS.timeout.kind, given);
  return typeof seconds === "number" && seconds > 0 ? seconds : undefined;
}
