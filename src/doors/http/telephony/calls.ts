import type { FastifyInstance, FastifyRequest } from "fastify";
import Type from "typebox";
import type { Service } from "../../../service/service.js";
import { variableOf } from "../../../service/settings.js";
import type { PhoneCall } from "../../../service/telephony/phone-call.js";
import { Refusal } from "../failures.js";
import { sendCallEvents } from "./call-events.js";
import { CALL, CALL_WITH_TEXT, callDocument, callWithText } from "./document.js";

const TAGS = ["Calls"];
const ONE = "/api/calls/:id([A-Za-z0-9_-]+)";
const QUERY = Type.Object({
  status: Type.Optional(Type.Unsafe<"active" | "ended">({ type: "string", enum: ["active", "ended"] })),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
});
const EVENTS_QUERY = Type.Object({
  last_event_id: Type.Optional(Type.String({ description: "For clients that cannot send Last-Event-ID" })),
});

interface ById {
  Params: { id: string };
}

/** What asks about calls is answered whatever waits. */
const READING = { config: { needs: "nothing" } } as const;

/** `/api/calls`: phone calls whose audio comes by AudioSocket or from Twilio, as text. */
export function addPhoneCalls(app: FastifyInstance, service: Service): void {
  app.get<{ Querystring: Type.Static<typeof QUERY> }>(
    "/api/calls",
    {
      ...READING,
      schema: {
        summary: "Phone calls that are on or were lately, newest first",
        tags: TAGS,
        querystring: QUERY,
        response: { 200: Type.Object({ object: Type.Literal("list"), data: Type.Array(CALL) }) },
      },
    },
    async ({ query: { limit, status } }) => {
      const isWanted = ({ isEnded }: PhoneCall) => status === undefined || isEnded === (status === "ended");
      const wanted = service.phoneCalls.list().filter(isWanted);
      return { object: "list", data: wanted.slice(0, limit).map(callDocument) };
    },
  );
  app.get<ById>(
    ONE,
    {
      ...READING,
      schema: { summary: "A call, with its text", tags: TAGS, response: { 200: CALL_WITH_TEXT } },
    },
    async ({ params: { id } }) => callWithText(requireCall(service, id)),
  );
  app.get<ById & { Querystring: Type.Static<typeof EVENTS_QUERY> }>(
    `${ONE}/events`,
    {
      ...READING,
      schema: {
        summary: "What is said in it, as it is said",
        description:
          "call.started, call.leg_started, call.partial, call.segment, call.dtmf, call.mark, call.warning, call.leg_ended, and " +
          "call.ended last. With Last-Event-ID those after that one; 204 where that was the last.",
        tags: TAGS,
        querystring: EVENTS_QUERY,
        produces: { "text/event-stream": "Server-sent events" },
      },
    },
    async (request, reply) =>
      sendCallEvents(service, requireCall(service, request.params.id), request as FastifyRequest, reply),
  );
}

/** @throws Refusal NOT_FOUND */
function requireCall(service: Service, id: string): PhoneCall {
  const call = service.phoneCalls.get(id);
  if (call) return call;
  const message = `There is no call ${id}: those that have ended are forgotten after ${variableOf("callsTtl")}`;
  throw new Refusal("NOT_FOUND", message, "id");
}
