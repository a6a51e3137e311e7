import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { resolveRequest } from "../../../config/options.js";
import { TranscriptionError } from "../../../index.js";
import type { OptionPath } from "../../../service/options/fields.js";
import * as kind from "../../../service/options/kinds.js";
import type { Service } from "../../../service/service.js";
import { cut } from "../../../service/text.js";
import type { SpeechWork } from "../../../service/workers.js";
import { answerForm, noteUnknown } from "../forms/answer-form.js";
import { FieldSet, formWith } from "../forms/field-set.js";
import type { Form } from "../forms/form.js";
import { given } from "../forms/given.js";
import { formNames, inForm, inFormLater } from "../option-names.js";
import { IN_MILLISECONDS, ONE_CHANNEL } from "../shared-fields.js";

const OPTIONS = ["track", "timeout", "limits.maxDuration"] as const satisfies readonly OptionPath[];

/** Speaches sends `inf` for what nothing limits. */
const limit: kind.Kind<number> = {
  ...kind.number,
  read: (texts) =>
    /^\s*\+?inf(inity)?\s*$/i.test(texts.at(-1)!) ? Number.POSITIVE_INFINITY : kind.number.read(texts),
};

/** Names and defaults of speaches. */
const FIELDS = new FieldSet(OPTIONS, {
  model: { kind: kind.text, is: "Any name of Silero's VAD. May be left out." },
  threshold: { kind: kind.number, is: "Probability from which sound is speech, 0.01 to 1. Default 0.75." },
  neg_threshold: {
    kind: kind.number,
    is: "Probability below which speech ends. Default: the threshold less 0.15.",
  },
  min_speech_duration_ms: {
    kind: IN_MILLISECONDS.minSpeechDuration,
    is: "Shorter speech is left out. Default 0.",
  },
  max_speech_duration_s: { kind: limit, is: "Longer speech is parted. Default: no limit." },
  min_silence_duration_ms: {
    kind: IN_MILLISECONDS.minSilenceDuration,
    is: "Shorter pauses do not end speech. Default 1000.",
  },
  speech_pad_ms: { kind: IN_MILLISECONDS.speechPad, is: "Added around speech. Default 0." },
  channels: ONE_CHANNEL,
});

/** What the library calls them. */
const NAMES = formNames({
  "vadOptions.threshold": "threshold",
  "vadOptions.negThreshold": "neg_threshold",
  "vadOptions.maxSpeechDuration": "max_speech_duration_s",
  "vadOptions.speechPad": "speech_pad_ms",
  vadModel: "model",
});

const ANSWER = Type.Array(
  Type.Object({
    start: Type.Integer({ description: "Milliseconds" }),
    end: Type.Integer({ description: "Milliseconds" }),
  }),
);

/** `POST /v1/audio/speech/timestamps` of speaches, also without `/v1`: where somebody speaks. */
export function addSpeechTimestamps(app: FastifyInstance, service: Service): void {
  const schema = {
    summary: "Where somebody speaks in a recording",
    tags: ["Speech"],
    form: formWith("file", FIELDS.properties),
    response: { 200: ANSWER },
  };
  for (const [path, hide] of [
    ["/v1/audio/speech/timestamps", false],
    ["/audio/speech/timestamps", true],
  ] as const) {
    app.post(path, { schema: { ...schema, hide } }, (request, reply) => {
      const { call } = request;
      return answerForm(service, request, reply, {
        work: async (form, upload) => {
          const unknown = FIELDS.unknown(form.names);
          const options = readAsked(form);
          noteUnknown(service, request, unknown);
          const working = service.detectSpeech(call, await upload.file(), options, "timeout");
          return inFormLater(working, options.limits?.maxDuration, NAMES);
        },
        deliver: ({ result: { duration, speech, warnings } }) => {
          const stretches = speech.length;
          const found = `${stretches} ${stretches === 1 ? "stretch" : "stretches"} of speech`;
          service.logFound(call, found, { audio_seconds: duration, stretches }, warnings);
          void reply.send(
            speech.map(({ start, end }) => ({ start: milliseconds(start), end: milliseconds(end) })),
          );
        },
      });
    });
  }
}

/** @throws Refusal, TranscriptionError INVALID_ARGUMENT that name the field; MODEL_NOT_FOUND */
function readAsked(form: Form): Omit<SpeechWork, "signal" | "onTurn"> {
  const model = FIELDS.read("model", form.texts);
  if (model !== undefined && !/silero/i.test(model)) {
    const message = `No model ${JSON.stringify(cut(model))} detects speech here: leave model out`;
    throw new TranscriptionError("MODEL_NOT_FOUND", message, { option: "model" });
  }
  const read = <Name extends Parameters<typeof FIELDS.read>[0]>(name: Name) => FIELDS.read(name, form.texts);
  const vadOptions = {
    threshold: read("threshold") ?? 0.75,
    ...given({ negThreshold: read("neg_threshold") }),
    minSpeechDuration: read("min_speech_duration_ms") ?? 0,
    maxSpeechDuration: read("max_speech_duration_s") ?? Number.POSITIVE_INFINITY,
    minSilenceDuration: read("min_silence_duration_ms") ?? 1,
    speechPad: read("speech_pad_ms") ?? 0,
  };
  const { track, timeout, limits } = FIELDS.options(form.texts);
  const own = given({ channels: read("channels"), track, timeout, limits });
  inForm(() => resolveRequest({ ...own, vadOptions }), undefined, NAMES);
  return { ...own, ...vadOptions };
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}
