import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { DETECTION_OPTIONS } from "../../../config/options.js";
import { LANGUAGES, type LanguageCode } from "../../../index.js";
import { optionPaths } from "../../../service/options/fields.js";
import type { Service } from "../../../service/service.js";
import { answerForm, noteUnknown } from "../forms/answer-form.js";
import { FieldSet, formWith } from "../forms/field-set.js";
import { given } from "../forms/given.js";
import { MODEL_FIELD, withNamedModel } from "../forms/model.js";
import { inForm, inFormLater } from "../option-names.js";
import { ONE_CHANNEL } from "../shared-fields.js";
import { ENCODE, FILE, fileOf, givenIn, namesIn, OTHERS } from "./parameters.js";

/** Of those of a transcription, what has to do with the language. */
const OPTIONS = optionPaths().filter((path) =>
  (DETECTION_OPTIONS as readonly string[]).includes(path.replace(/\..*$/, "")),
);
const FIELDS = new FieldSet(OPTIONS, { channels: ONE_CHANNEL, encode: ENCODE, model: MODEL_FIELD }, OTHERS);

const ANSWER = Type.Object({
  detected_language: Type.String({ description: "In English, lower case; empty where nobody speaks" }),
  language_code: Type.String(),
  confidence: Type.Number({ description: "0 to 1" }),
});

/** `POST /detect-language` of whisper-asr-webservice: what is spoken in a recording. */
export function addDetectLanguage(app: FastifyInstance, service: Service): void {
  const schema = {
    summary: "Language of a recording",
    tags: ["whisper-asr-webservice"],
    parameters: { properties: FIELDS.properties },
    form: formWith(FILE),
    response: { 200: ANSWER },
  };
  app.post("/detect-language", { schema }, (request, reply) => {
    const { call } = request;
    return answerForm(service, request, reply, {
      ...fileOf(request),
      work: (form, upload) => {
        const fields = givenIn(request, form);
        return withNamedModel(service, call, fields, async (transcriber) => {
          const unknown = FIELDS.unknown(namesIn(request, form), FILE);
          const { channels: _, ...options } = FIELDS.options(fields);
          const asked = { ...options, ...given({ channels: FIELDS.read("channels", fields) }) };
          inForm(() => transcriber.checkOptions(asked));
          noteUnknown(service, request, unknown);
          const file = await upload.file();
          const working = service.detectLanguage(call, file, { transcriber, ...asked }, "timeout");
          return inFormLater(working, options.limits?.maxDuration);
        });
      },
      deliver: ({ result: { language, probability } }) => {
        const found = language === "" ? "no language" : `language ${language} (${probability.toFixed(2)})`;
        service.logFound(call, found, { language, language_probability: probability });
        void reply.send({
          detected_language: LANGUAGES[language as LanguageCode] ?? language,
          language_code: language,
          confidence: probability,
        });
      },
    });
  });
}
