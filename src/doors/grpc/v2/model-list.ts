import type { TranscriberInfo } from "../../../index.js";
import type { ServedModel } from "../../../service/models/models.js";
import type { Service } from "../../../service/service.js";
import type { AvailableModel, ListModelsResponse, Model, ModelState } from "./messages.js";

const STATES = {
  waiting: "MODEL_STATE_WAITING",
  loading: "MODEL_STATE_LOADING",
  loaded: "MODEL_STATE_LOADED",
  leaving: "MODEL_STATE_LEAVING",
} as const satisfies Record<NonNullable<ServedModel["state"]>["state"], ModelState>;

/** The ListModelsResponse of contract v2. */
export async function modelList({ models }: Service): Promise<ListModelsResponse> {
  const { used, budget } = models.memory;
  return {
    models: (await models.list()).map(toAvailable),
    memory_bytes: used,
    max_memory_bytes: Number.isFinite(budget) ? budget : 0,
  };
}

export function toModel({ languages, maxWindow, model }: TranscriberInfo): Model {
  return {
    name: model.name,
    type: model.type,
    weight_type: model.weightType,
    multilingual: model.multilingual,
    languages: [...languages],
    max_window: maxWindow,
    file_bytes: model.fileBytes,
    compute_type: model.computeType,
  };
}

function toAvailable({ name, aliases, fileBytes, info, state }: ServedModel): AvailableModel {
  const expires = state?.expiresAt;
  return {
    name,
    aliases: [...aliases],
    file_bytes: fileBytes,
    state: state ? STATES[state.state] : "MODEL_STATE_UNLOADED",
    memory_bytes: state?.memory ?? 0,
    requests: state?.users ?? 0,
    expires_in: expires === undefined ? 0 : Math.max(0, expires - Date.now() / 1000),
    model: info ? toModel(info) : null,
  };
}
