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

  describe("where a seller's voice is known", () => {
    const heard = (speaker: string | undefined) => ({
      speaker,
      likeness: new Map([
        ["SPEAKER_00", 0.41],
        ["SPEAKER_01", 0.93],
      ]),
      warnings: [],
    });
    const rolesBy = (voice: string | undefined, texts: [number, string][], options: RoleOptions = {}) =>
      assignRoles(
        PARTIES,
        texts.map(([index, text]) => ({ speaker: PARTIES[index]!.id, text })),
        options,
        heard(voice),
      );
    const greeted: [number, string][] = [
      [0, "This is Anna from Agora."],
      [1, "Hello."],
    ];

    it("are whose voice it is, and why", () => {
      const [client, seller] = rolesBy("SPEAKER_01", [
        [0, "Yes."],
        [1, "No."],
      ]);
      expect([client!.role, seller!.role]).toEqual(["client", "seller"]);
      expect(seller!.roleConfidence).toBeGreaterThan(0.95);
      expect(seller!.evidence).toEqual(["has a known seller's voice (0.93)"]);
      expect(client!.evidence).toEqual(["SPEAKER_01 has a known seller's voice, this one has not (0.41)"]);
    });

    it("are surer where what is said agrees, less sure where a greeting contradicts it, and null where all of it does", () => {
      const agreed = rolesBy("SPEAKER_00", greeted);
      expect(agreed[0]).toMatchObject({ role: "seller" });
      expect(agreed[0]!.roleConfidence).toBeGreaterThan(rolesBy(undefined, greeted)[0]!.roleConfidence);
      const against = rolesBy("SPEAKER_01", greeted);
      expect(against.map(({ role }) => role)).toEqual(["client", "seller"]);
      expect(against[1]!.roleConfidence).toBeLessThan(0.9);
      const all = "This is Anna from Agora. How can I help? Let me check. I can offer two.";
      expect(rolesBy("SPEAKER_01", [[0, all]]).map(({ role }) => role)).toEqual([null, null]);
    });

    it("are as without where nobody has it, and as the caller says where the caller knows", () => {
      expect(rolesBy(undefined, greeted)).toEqual(rolesOf(greeted));
      const known = rolesBy("SPEAKER_01", greeted, { direction: "inbound" });
      expect(known.map(({ role }) => role)).toEqual(["seller", "client"]);
    });

    it("are found among more than two, however little the seller says", () => {
      const three = [...PARTIES, { ...PARTIES[0]!, id: "SPEAKER_02", talkTime: 0.5 }];
      const likeness = new Map([["SPEAKER_02", 0.9]]);
      const roles = assignRoles(three, [], {}, { speaker: "SPEAKER_02", likeness, warnings: [] });
      expect(roles.map(({ role }) => role)).toEqual(["client", null, "seller"]);
    });
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
