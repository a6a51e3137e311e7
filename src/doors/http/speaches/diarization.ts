import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { resolveRequest } from "../../../config/options.js";
import { type DiarizationResult, formatTurns, renameSpeakers, TranscriptionError } from "../../../index.js";
import type { Call } from "../../../service/call/call.js";
import type { OptionPath } from "../../../service/options/fields.js";
import * as kind from "../../../service/options/kinds.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { DiarizeWork } from "../../../service/workers.js";
import { answerForm, noteUnknown } from "../forms/answer-form.js";
import { FieldSet, formWith } from "../forms/field-set.js";
import type { Form } from "../forms/form.js";
import { given } from "../forms/given.js";
import { KNOWN_SPEAKER_FIELDS, readKnownSpeakers } from "../openai/known-speakers.js";
import { formNames, inForm, inFormLater } from "../option-names.js";
import { rounded } from "../rounded.js";
import { ONE_CHANNEL } from "../shared-fields.js";

const OPTIONS = [
  "diarize.engine",
  "diarize.numSpeakers",
  "diarize.minSpeakers",
  "diarize.maxSpeakers",
  "track",
  "timeout",
  "limits.maxDuration",
] as const satisfies readonly OptionPath[];

const FIELDS = new FieldSet(OPTIONS, {
  model: {
    kind: kind.text,
    is: "Any name of a diarization model, or of the model that is served. May be left out.",
  },
  response_format: { kind: kind.choice(["json", "rttm"]), is: "json, or NIST's RTTM." },
  channels: ONE_CHANNEL,
  ...KNOWN_SPEAKER_FIELDS,
});

/** There is nothing else to be done with a recording of one channel. */
const NAMES = formNames(
  {},
  {
    "diarize.model": [
      "file",
      "Expected a recording with a party on each of two channels: the server has no diarization model " +
        "(agora-transcribe models download nemotron-3-diarization, or AGORA_DIARIZATION_MODEL)",
    ],
  },
);

const ANSWER = Type.Object({
  duration: Type.Number({ description: "Seconds" }),
  segments: Type.Array(Type.Object({ start: Type.Number(), end: Type.Number(), speaker: Type.String() })),
});

/** Names that diarization models have, whoever publishes them: this server has one at most. */
const OF_DIARIZATION = /diari[sz]ation|pyannote|segmentation|sortformer|nemotron/i;

/** `POST /v1/audio/diarization` of speaches and LocalAI, also without `/v1`: who speaks when. */
export function addDiarization(app: FastifyInstance, service: Service): void {
  const schema = {
    summary: "Who speaks when in a recording",
    tags: ["Speech"],
    form: formWith("file", FIELDS.properties),
    response: { 200: ANSWER },
    produces: { "text/plain": "rttm" },
  };
  for (const [path, hide] of [
    ["/v1/audio/diarization", false],
    ["/audio/diarization", true],
  ] as const) {
    app.post(path, { schema: { ...schema, hide } }, (request, reply) => {
      const { call } = request;
      return answerForm(service, request, reply, {
        work: async (form, upload) => {
          const asked = await readAsked(form, call, service);
          noteUnknown(service, request, asked.unknown);
          const working = service.diarize(call, await upload.file(), asked.options, "timeout");
          const { limits } = asked.options;
          return {
            asked,
            name: form.filename ?? "",
            work: await inFormLater(working, limits?.maxDuration, NAMES),
          };
        },
        deliver: ({ asked, name, work: { result } }) => {
          const { duration, speakers, turns, warnings } = renameSpeakers(result);
          const count = `${speakers.length} ${speakers.length === 1 ? "speaker" : "speakers"}`;
          service.logFound(call, count, { audio_seconds: duration, speakers: speakers.length }, warnings);
          if (asked.isRttm)
            void reply.type("text/plain; charset=utf-8").send(formatTurns(turns, name || "audio"));
          else void reply.send({ duration: rounded(duration), segments: segmentsOf(turns) });
        },
      });
    });
  }
}

interface Asked {
  options: Omit<DiarizeWork, "signal" | "onTurn">;
  isRttm: boolean;
  unknown: readonly string[];
}

/** @throws Refusal, TranscriptionError INVALID_ARGUMENT that name the field; MODEL_NOT_FOUND, QUEUE_FULL */
async function readAsked(form: Form, call: Call, service: Service): Promise<Asked> {
  const unknown = FIELDS.unknown(form.names);
  const model = FIELDS.read("model", form.texts);
  const isKnown = model === undefined || OF_DIARIZATION.test(model) || (await service.models.find(model));
  if (!isKnown) {
    const message = `No model ${JSON.stringify(cut(model))} tells speakers apart here: leave model out`;
    throw new TranscriptionError("MODEL_NOT_FOUND", message, { option: "model" });
  }
  const format = FIELDS.read("response_format", form.texts);
  const knownSpeakers = readKnownSpeakers(form, call, service);
  const channels = FIELDS.read("channels", form.texts);
  const { diarize = {}, ...others } = FIELDS.options(form.texts);
  inForm(() => resolveRequest({ ...others, diarize }));
  const { track, timeout, limits } = others;
  const options = {
    ...(typeof diarize === "object" && diarize),
    ...given({ channels, track, timeout, limits, knownSpeakers }),
  };
  return { options, isRttm: format === "rttm", unknown };
}

function segmentsOf(turns: DiarizationResult["turns"]): object[] {
  return turns.map(({ start, end, speaker }) => ({
    start: rounded(start),
    end: rounded(end),
    speaker,
  }));
}
