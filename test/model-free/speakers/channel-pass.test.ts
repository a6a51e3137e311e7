import { describe, expect, it } from "vitest";
import { resolveDiarization } from "../../../src/config/diarization.js";
import { type ChannelMeans, ChannelPass } from "../../../src/speakers/channel-pass.js";
import type { ChannelTurn, DiarizationOptions, Diarizer, RoleOptions } from "../../../src/types/speakers.js";
import { segment } from "../../support/results.js";

const signal = new AbortController().signal;

const finderOf = (turns: ChannelTurn[]) => ({
  push: async () => {},
  finish: async () => turns,
  close: () => {},
});

/** Whose voice is the first sample that it hears. */
function fakeDiarizer(): Diarizer & { open: number } {
  const diarizer = {
    engine: "community" as const,
    mostSpeakers: Number.POSITIVE_INFINITY,
    voices: { size: 2, alike: 0.8, margin: 0.1 },
    open: 0,
    createSession: () => {
      diarizer.open++;
      let voice: Float32Array | undefined;
      return {
        push: async ([first]: Float32Array) => {
          voice ??= Float32Array.of(Math.cos(first!), Math.sin(first!));
        },
        finish: async () => ({ turns: [], exclusive: [], embeddings: voice ? [voice] : [] }),
        close: () => {
          diarizer.open--;
        },
      };
    },
    close: async () => {},
  };
  return diarizer;
}

async function pass(
  means: Partial<ChannelMeans>,
  roles?: RoleOptions,
  embeddings = false,
  more: DiarizationOptions = {},
) {
  const options = { diarize: resolveDiarization({ embeddings, ...more })!, roles };
  const speakers = new ChannelPass(
    {
      trackCount: 2,
      turns: undefined,
      diarizer: undefined,
      turn: { request: 0, priority: "interactive" },
      ...means,
    },
    options,
  );
  await speakers.push([Float32Array.of(0), Float32Array.of(1.5)], signal);
  const told = await speakers.finish(SEGMENTS, signal);
  speakers.close();
  return told;
}

const SEGMENTS = [segment(0, 1, "Hello.", { channel: 0 }), segment(2, 3, "Hi.", { channel: 1 })];

describe("speakers on channels of their own", () => {
  it("have their turns where they are heard, and are numbered by that", async () => {
    const turns = finderOf([
      { start: 0.2, end: 0.9, channel: 0 },
      { start: 0.1, end: 2.9, channel: 1 },
    ]);
    const { segments, turns: found, speakers } = await pass({ turns });
    expect(found.map(({ start, speaker, channel }) => [start, speaker, channel])).toEqual([
      [0.1, "SPEAKER_00", 1],
      [0.2, "SPEAKER_01", 0],
    ]);
    expect(segments.map(({ speaker }) => speaker)).toEqual(["SPEAKER_01", "SPEAKER_00"]);
    expect(speakers.map(({ id, talkTime }) => [id, talkTime])).toEqual([
      ["SPEAKER_00", 2.8],
      ["SPEAKER_01", 0.7],
    ]);
  });

  it("have turns where there is text, of a channel on which nobody is heard or where nothing listens", async () => {
    const turns = finderOf([{ start: 2.1, end: 2.9, channel: 1 }]);
    expect((await pass({ turns })).turns.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [2.1, 2.9],
    ]);
    expect((await pass({})).turns.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it("have the roles of their channels, also where the seller says nothing that is written", async () => {
    const turns = finderOf([
      { start: 0.2, end: 0.9, channel: 2 },
      { start: 1, end: 1.5, channel: 1 },
    ]);
    const { speakers } = await pass({ trackCount: 3, turns }, { sellerChannel: 2 });
    const roles = new Map(speakers.map(({ id, role }) => [id, role]));
    expect(roles.get("SPEAKER_01")).toBe("seller");
  });

  it("have voices where they are asked for, by which a seller is known", async () => {
    const diarizer = fakeDiarizer();
    const sellerVoices = [[0, 1]];
    const { speakers, warnings } = await pass({ diarizer }, { sellerVoices });
    expect(speakers.map(({ role, embedding }) => [role, embedding])).toEqual([
      ["client", undefined],
      ["seller", undefined],
    ]);
    expect([warnings, diarizer.open]).toEqual([[], 0]);
    const given = await pass({ diarizer }, undefined, true);
    expect(given.speakers[1]!.embedding![1]).toBeCloseTo(Math.sin(1.5));
    const other = await pass({ diarizer }, { sellerVoices: [[-1, 0]] });
    expect(other.warnings.join()).toContain("not known by the voice");
  });

  it("have the names of voices that are known, and nobody else has one", async () => {
    const knownVoices = { Anna: [0, 1], Boris: [-1, 0] };
    const { speakers, warnings } = await pass({ diarizer: fakeDiarizer() }, undefined, false, {
      knownVoices,
    });
    expect(speakers.map(({ id, name, embedding }) => [id, name, embedding])).toEqual([
      ["SPEAKER_00", undefined, undefined],
      ["SPEAKER_01", "Anna", undefined],
    ]);
    expect(warnings).toEqual([expect.stringMatching(/^Boris is not known by the voice/)]);
  });
});
