import { describe, expect, it } from "vitest";
import type { LivePartial } from "../../src/index.js";
import { type CallEvent, MOST_TOLD, PhoneCall } from "../../src/service/telephony/phone-call.js";
import { partial } from "../support/scripted-live.js";

const END = { received: 1, processed: 1, error: undefined };

function start() {
  const call = new PhoneCall("CA1", "twilio", () => 0);
  const legs = [call.begin(0, "inbound", "127.0.0.1"), call.begin(1, "outbound", "127.0.0.1")] as const;
  return { call, legs, events: call.follow(0, new AbortController().signal) };
}

describe("a phone call", () => {
  it("keeps so many digits, marks and warnings, and says when there are more", async () => {
    const { legs, events } = start();
    for (let i = 0; i < MOST_TOLD; i++) {
      legs[0].tell({ type: "dtmf", channel: 0, digit: "1" });
      legs[1].tell({ type: "mark", name: "greeted" });
    }
    for (const leg of legs) leg.end(END);
    const told: CallEvent[] = [];
    for await (const event of events)
      if (event.type === "dtmf" || event.type === "mark" || event.type === "warning") told.push(event);
    expect(told).toHaveLength(MOST_TOLD + 1);
    expect(told.at(-1)).toMatchObject({ type: "warning", message: expect.stringContaining(`${MOST_TOLD}`) });
  });

  it("tells no text under way of a party who has left", async () => {
    const { legs, events } = start();
    const next = async () => (await events.next()).value?.type;
    expect([await next(), await next(), await next()]).toEqual(["started", "leg_started", "leg_started"]);
    legs[0].partial(partial("Good b") as LivePartial, 0, 0);
    legs[0].end(END);
    expect(await next()).toBe("leg_ended");
    const following = next();
    legs[1].end(END);
    expect(await following).toBe("leg_ended");
  });
});
