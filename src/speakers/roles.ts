import type { RoleOptions, Speaker, SpeakerRole } from "../types/speakers.js";
import { CUES, GREETINGS } from "./role-cues.js";
import type { VoiceMatch } from "./voices.js";

/** What a speaker said at once. */
export interface Utterance {
  speaker: string | null;
  channel?: number;
  text: string;
}

/** Turns of a call in which greetings are looked for, of each speaker. */
const OPENING = 2;
/** Points: for a greeting, for a known voice, for a cue, and for talking more than the other. */
const GREETING = 3;
const VOICE = 2 * GREETING;
const CUE = 1;
const TALK_SHARE = 0.5;
/** Points by which the likelier way round has to win. */
const MARGIN = 1;
/** Confidence where nothing was said that tells roles: the first to speak is taken for the seller. */
const FIRST_SPEAKER = 0.5;

/**
 * Speakers with their roles: what is known decides – a role that was given, the seller's channel, who called –, then what
 * they say, a seller's voice that is known, how much they talk; where nothing tells, the first speaker is the seller and
 * the second the client. Where the evidence contradicts itself, roles are `null`. Others than the two who speak most, or
 * than who has the known voice and who speaks most beside, have none.
 * @param voices whose voice is a known seller's, where any are known
 */
export function assignRoles(
  speakers: readonly Speaker[],
  utterances: readonly Utterance[],
  options: RoleOptions,
  voices?: VoiceMatch,
): Speaker[] {
  const parties = twoParties(speakers, voices?.speaker);
  const decided = decide(parties, utterances, options, voices);
  return speakers.map((speaker) => ({ ...speaker, ...(decided.get(speaker.id) ?? {}) }));
}

type Verdict = Pick<Speaker, "role" | "roleConfidence" | "evidence">;

/** The two who speak most, one of them `known` where somebody is, in order of first speech. */
function twoParties(speakers: readonly Speaker[], known: string | undefined): string[] {
  const rank = ({ id, talkTime }: Speaker) => (id === known ? Number.POSITIVE_INFINITY : talkTime);
  const most = [...speakers].sort((a, b) => rank(b) - rank(a)).slice(0, 2);
  return speakers.filter((speaker) => most.includes(speaker)).map(({ id }) => id);
}

function decide(
  parties: readonly string[],
  utterances: readonly Utterance[],
  { sellerChannel, direction, speakers: given = {} }: RoleOptions,
  voices: VoiceMatch | undefined,
): Map<string, Verdict> {
  const known = Object.entries(given).filter(([id]) => parties.includes(id));
  if (known.length > 0) {
    const roles = new Map<string, Verdict>();
    for (const [id, role] of known) roles.set(id, verdict(role, 1, [`${id} was given as ${role}`]));
    const [first] = known;
    const other = parties.find((id) => !roles.has(id));
    if (other && first)
      roles.set(other, verdict(otherThan(first[1]), 1, [`${first[0]} was given as ${first[1]}`]));
    return roles;
  }
  if (sellerChannel !== undefined) {
    const channelOf = (id: string) => utterances.find(({ speaker }) => speaker === id)?.channel;
    if (parties.some((id) => channelOf(id) !== undefined)) {
      const evidence = [`channel ${sellerChannel} is the seller's`];
      return new Map(
        parties.map((id) => [
          id,
          verdict(channelOf(id) === sellerChannel ? "seller" : "client", 1, evidence),
        ]),
      );
    }
  }
  if (direction !== undefined && parties.length > 0) {
    const seller = direction === "inbound" ? parties[0]! : parties[1];
    const evidence = [
      `the call is ${direction}: ${direction === "inbound" ? "the seller" : "the client"} answers`,
    ];
    return new Map(parties.map((id) => [id, verdict(id === seller ? "seller" : "client", 0.9, evidence)]));
  }
  return weigh(parties, utterances, voices);
}

/** Compares both ways round. */
function weigh(
  parties: readonly string[],
  utterances: readonly Utterance[],
  voices: VoiceMatch | undefined,
): Map<string, Verdict> {
  const [first, second] = parties;
  if (first === undefined) return new Map();
  const found = new Map(
    parties.map((id) => [
      id,
      evidenceOf(
        utterances.filter(({ speaker }) => speaker === id),
        voices && voiceEvidence(id, voices),
      ),
    ]),
  );
  const points = (id: string | undefined) => (id === undefined ? 0 : found.get(id)!.points);
  const evidence = (id: string) => found.get(id)!.evidence;
  // Positive: the first is the seller.
  let lead = points(first) - points(second);
  const told = parties.some((id) => evidence(id).length > 0);
  if (told && second !== undefined) lead += talkLead(first, second, utterances);
  if (!told) {
    const why = ["nobody says what tells roles: the first to speak is taken for the seller"];
    return new Map(
      parties.map((id) => [id, verdict(id === first ? "seller" : "client", FIRST_SPEAKER, why)]),
    );
  }
  if (Math.abs(lead) < MARGIN) {
    return new Map(parties.map((id) => [id, { role: null, roleConfidence: 0, evidence: evidence(id) }]));
  }
  const confidence = Math.round((1 - 0.5 * Math.exp(-Math.abs(lead) / 2)) * 100) / 100;
  const seller = lead > 0 ? first : second;
  return new Map(
    parties.map((id) => [id, verdict(id === seller ? "seller" : "client", confidence, evidence(id))]),
  );
}

interface Found {
  points: number;
  /** Most telling first. */
  evidence: string[];
}

/** @param heard what the voice says */
function evidenceOf(own: readonly Utterance[], heard: Found | undefined): Found {
  const evidence: string[] = [];
  let points = heard?.points ?? 0;
  const opening = normal(
    own
      .slice(0, OPENING)
      .map(({ text }) => text)
      .join(" "),
  );
  const greeting = firstMatch(GREETINGS, opening);
  if (greeting !== undefined) {
    points += GREETING;
    evidence.push(`greets as a seller: “${greeting}”`);
  }
  if (heard) evidence.push(...heard.evidence);
  const all = normal(own.map(({ text }) => text).join(" "));
  for (const [role, sign] of [
    ["seller", 1],
    ["client", -1],
  ] as const) {
    for (const cue of CUES[role]) {
      const match = cue.exec(all)?.[0];
      if (match === undefined) continue;
      points += sign * CUE;
      evidence.push(`speaks as a ${role}: “${match.trim()}”`);
    }
  }
  return { points, evidence };
}

/** What follows from the voice of `id` where one of the speakers has a seller's. */
function voiceEvidence(id: string, { speaker, likeness }: VoiceMatch): Found {
  if (speaker === undefined) return { points: 0, evidence: [] };
  const own = likeness.get(id)?.toFixed(2);
  if (id === speaker) return { points: VOICE, evidence: [`has a known seller's voice (${own})`] };
  const alike = own === undefined ? "" : ` (${own})`;
  return { points: 0, evidence: [`${speaker} has a known seller's voice, this one has not${alike}`] };
}

/** Sellers explain: who talks more is a little likelier to be one. */
function talkLead(first: string, second: string, utterances: readonly Utterance[]): number {
  const length = (id: string) =>
    utterances.reduce((sum, { speaker, text }) => sum + (speaker === id ? text.length : 0), 0);
  return TALK_SHARE * Math.sign(length(first) - length(second));
}

function verdict(role: SpeakerRole, roleConfidence: number, evidence: string[]): Verdict {
  return { role, roleConfidence, evidence };
}

function otherThan(role: SpeakerRole): SpeakerRole {
  return role === "seller" ? "client" : "seller";
}

function firstMatch(patterns: readonly RegExp[], text: string): string | undefined {
  for (const pattern of patterns) {
    const match = pattern.exec(text)?.[0];
    if (match !== undefined) return match.trim();
  }
  return undefined;
}

function normal(text: string): string {
  return text.toLowerCase().replaceAll("ё", "е").replaceAll("’", "'").replace(/\s+/g, " ");
}
