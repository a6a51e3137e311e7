import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Service } from "../../../service/service.js";
import { fail } from "../app.js";
import { BY_ID, type ById, openRecording } from "./recordings.js";

const PEAKS = Type.Object({
  per_second: Type.Integer({ description: "Stretches a second" }),
  duration: Type.Number({ description: "Seconds" }),
  channels: Type.Array(Type.Array(Type.Integer({ minimum: -127, maximum: 127 })), {
    description:
      "Least and greatest sample of each stretch in turn; two channels, or the mix of any other number",
  }),
});
/** Seconds that a browser may keep them: a recording never changes. */
const KEPT = 7 * 24 * 3600;

/** `GET /api/recordings/:id/peaks`: what a recording looks like, for drawing. */
export function addPeaks(app: FastifyInstance, service: Service): void {
  app.get<ById>(
    `${BY_ID}/peaks`,
    {
      schema: { summary: "What it looks like, for drawing", tags: ["Recordings"], response: { 200: PEAKS } },
    },
    async (request, reply) => {
      const { call, params } = request;
      await call.attempt(
        async () => {
          const opened = await openRecording(service, params.id, call);
          try {
            const { result } = await service.withFile(call, opened, (file) => service.waveform(call, file));
            return result;
          } finally {
            await opened.close();
          }
        },
        ({ channels, duration, perSecond }) => {
          reply.header("cache-control", `private, max-age=${KEPT}, immutable`);
          void reply.send({ per_second: perSecond, duration, channels: channels.map((each) => [...each]) });
        },
        (reason) => void fail(service, request, reply, reason),
      );
      return reply;
    },
  );
}
