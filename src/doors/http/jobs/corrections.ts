import type { FastifyInstance, FastifyReply } from "fastify";
import Type from "typebox";
import { type Correction, TranscriptionError } from "../../../index.js";
import type { JobCorrections } from "../../../service/jobs/corrections.js";
import type { Service } from "../../../service/service.js";
import { Refusal } from "../failures.js";
import { requireJob } from "./required.js";

/** Bytes of a body, and corrections in it: every word of a day's talk. */
const MOST_BYTES = 16 * 1024 ** 2;
const MOST = 100_000;

/** Checked by `Jobs.correct` alone: a validator of the door's would make texts and numbers of what is neither. */
const CORRECTION = Type.Unsafe<Correction>({
  description:
    "One of {op: text, segment, text}, {op: speaker, segment, speaker}, {op: name, speaker, name}, " +
    "{op: role, speaker, role} and {op: merge, speaker, into}. segment: the id of one, as full_json has it. " +
    "text: all that is said in it; empty: nothing. speaker: who it is about; of a segment, who says it: SPEAKER_00, …, " +
    "or one more. name: what the speaker is called; empty: no longer anything. role: seller, client or null. " +
    "into: the speaker that it is",
});
const BODY = Type.Object({
  corrections: Type.Array(CORRECTION, {
    maxItems: MOST,
    description: "In the order in which they were made",
  }),
});

/** `GET` and `PUT` of `/v1/jobs/ID/corrections`: what somebody has put right about its result, which stays as it is. */
export function addCorrections(app: FastifyInstance, service: Service, job: string, hide: boolean): void {
  const path = `${job}/corrections`;
  const tags = ["Jobs"];
  app.get<{ Params: { id: string } }>(
    path,
    {
      config: { needs: "nothing" },
      schema: { summary: "What was put right about its result", tags, response: { 200: BODY }, hide },
    },
    async ({ params: { id } }, reply) => {
      requireJob(await service.jobs.get(id), id);
      return answer(reply, await service.jobs.corrections(id));
    },
  );
  app.put<{ Params: { id: string }; Body: Type.Static<typeof BODY> }>(
    path,
    {
      config: { needs: "nothing" },
      bodyLimit: MOST_BYTES,
      schema: {
        summary: "Put its result right",
        description:
          "All corrections, in place of those that there are. If-Match is the ETag of those, so that nobody's are lost: 412 " +
          "where there are others by now. GET /v1/jobs/ID/result?corrected=true has the result with them.",
        tags,
        body: BODY,
        response: { 200: BODY },
        hide,
      },
    },
    async ({ body, headers, params: { id } }, reply) => {
      requireJob(await service.jobs.get(id), id);
      const replaced = versionIn(headers["if-match"]);
      const kept = await service.jobs.correct(id, body.corrections, replaced);
      if (!kept) throw new Refusal("CONFLICT", `The job ${id} has no result that could be put right`, "id");
      return answer(reply, kept);
    },
  );
}

function answer(reply: FastifyReply, { corrections, version }: JobCorrections) {
  reply.header("etag", `"${version}"`).header("cache-control", "no-cache");
  return { corrections };
}

/** @returns undefined for `*`: whichever there is. @throws Refusal PRECONDITION_REQUIRED; TranscriptionError INVALID_ARGUMENT */
function versionIn(ifMatch: string | undefined): string | undefined {
  if (ifMatch === undefined) {
    const message = "Expected If-Match with the ETag of the corrections that these take the place of, or *";
    throw new Refusal("PRECONDITION_REQUIRED", message, "If-Match");
  }
  if (ifMatch.trim() === "*") return undefined;
  // A proxy that compresses makes a weak one of it.
  const [, version] = /^\s*(?:W\/)?"([^"]*)"\s*$/.exec(ifMatch) ?? [];
  if (version !== undefined) return version;
  const message = `Expected one ETag, or *, for If-Match but received ${JSON.stringify(ifMatch.slice(0, 100))}`;
  throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "If-Match" });
}
