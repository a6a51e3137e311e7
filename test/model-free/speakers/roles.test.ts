import { describe, expect, it } from "vitest";
import { assignRoles } from "../../../src/speakers/roles.js";
import type { RoleOptions, Speaker } from "../../../src/types/speakers.js";

const PARTIES: Speaker[] = ["SPEAKER_00", "SPEAKER_01"].map((id, i) => ({
  id,
  role: null,
  roleConfidence: 0,
  evidence: [],
  talkTime: 10 - i,
  turns: 3,
}));

function rolesOf(texts: [number, string][], options: RoleOptions = {}, parties = PARTIES) {
  const utterances = texts.map(([index, text]) => ({ speaker: parties[index]!.id, text, channel: index }));
  return assignRoles(parties, utterances, options);
}

describe("roles of a sales call", () => {
  it("follow what is said, whoever speaks first", () => {
    const english = rolesOf([
      [0, "Hi, I'm calling about a router. How much is it?"],
      [1, "Thank you for calling, let me check. It is ten dollars per month."],
    ]);
    expect(english.map(({ role }) => role)).toEqual(["client", "seller"]);
    expect(english[1]!.evidence.join()).toContain("thank you for calling");
    expect(english[1]!.roleConfidence).toBeGreaterThan(0.8);
    const russian = rolesOf([
      [0, "Алло?"],
      [1, "Добрый день! Меня зовут Анна, компания Агора. По вашей заявке."],
      [0, "Да, сколько это стоит? Я подумаю."],
    ]);
    expect(russian.map(({ role }) => role)).toEqual(["client", "seller"]);
  });

  it("are those of the order of speaking where nothing tells, as half a guess", () => {
    const roles = rolesOf([
      [0, "Yes."],
      [1, "No."],
    ]);
    expect(roles.map(({ role, roleConfidence }) => [role, roleConfidence])).toEqual([
      ["seller", 0.5],
      ["client", 0.5],
    ]);
  });

  it("are what the caller knows: roles given, the seller's channel, who called", () => {
    const texts: [number, string][] = [
      [0, "Thank you for calling."],
      [1, "How much is it?"],
    ];
    const of = (options: RoleOptions) => rolesOf(texts, options).map(({ role }) => role);
    expect(of({ speakers: { SPEAKER_00: "client" } })).toEqual(["client", "seller"]);
    expect(of({ sellerChannel: 1 })).toEqual(["client", "seller"]);
    expect(of({ direction: "outbound" })).toEqual(["client", "seller"]);
    expect(of({ direction: "inbound" })).toEqual(["seller", "client"]);
  });

  it("are null where the evidence contradicts itself, and for others than the two who speak most", () => {
    const even = rolesOf([
      [0, "How can I help?"],
      [1, "How can I help?"],
    ]);
    expect(even.map(({ role }) => role)).toEqual([null, null]);
    const three = [...PARTIES, { ...PARTIES[0]!, id: "SPEAKER_02", talkTime: 0.5 }];
    const roles = rolesOf(
      [
        [0, "Thank you for calling."],
        [1, "Hi."],
        [2, "Hm."],
      ],
      {},
      three,
    );
    expect(roles.map(({ role }) => role)).toEqual(["seller", "client", null]);
    expect(assignRoles([], [], {})).toEqual([]);
  });
});
