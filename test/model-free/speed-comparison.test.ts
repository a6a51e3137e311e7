import { describe, expect, test } from "vitest";
import { alternate, type Entrant } from "../../bench/speed/alternate.js";
import { makeRow, OURS, PEER } from "../../bench/speed/row.js";

const GOAL = { target: 6, atLeast: 3 };

/** An entrant with given speeds, which writes down its turns. */
function entrant(
  group: string,
  name: string,
  speeds: number[],
  turns: string[] = [],
  contends = true,
): Entrant {
  let round = 0;
  const run = async () => {
    turns.push(name);
    return speeds[round++]!;
  };
  return { group, name, contends, run };
}

describe("the comparison of speeds", () => {
  test("lets the sides take turns", async () => {
    const turns: string[] = [];
    await alternate([entrant(OURS, "a", [1, 1], turns), entrant(PEER, "b", [1, 1], turns)], 2);
    expect(turns).toEqual(["a", "b", "a", "b"]);
  });

  test("compares the medians of each side's best", async () => {
    const results = await alternate(
      [
        entrant(OURS, "f16", [10, 12, 11]),
        entrant(OURS, "int8", [9, 13, 14]),
        entrant(PEER, "f16", [4, 5, 4]),
        entrant(PEER, "q8_0", [3.5, 3, 3]),
      ],
      3,
    );
    const row = makeRow("encoder", "windows/s", results, GOAL);
    expect(row).toMatchObject({ best: { ours: "int8", peer: "f16" }, ratio: 13 / 4, met: "at least" });
    expect(row.ours.f16).toMatchObject({ median: 11, min: 10, max: 12 });
  });

  test("runs once what is far behind its side, not what is slower than the other side", async () => {
    const turns: string[] = [];
    const results = await alternate(
      [
        entrant(OURS, "fast", [8, 8], turns),
        entrant(OURS, "slow", [5], turns),
        entrant(PEER, "peer", [1, 1], turns),
      ],
      2,
    );
    expect(turns).toEqual(["fast", "slow", "peer", "fast", "peer"]);
    expect(makeRow("", "", results, GOAL).best.ours).toBe("fast");
  });

  test("does not count what is not accurate enough, however fast", async () => {
    const results = await alternate(
      [
        entrant(OURS, "rough", [100], [], false),
        entrant(OURS, "exact", [20, 20]),
        entrant(PEER, "peer", [10, 10]),
      ],
      2,
    );
    expect(makeRow("", "", results, GOAL)).toMatchObject({ best: { ours: "exact" }, ratio: 2, met: "no" });
    const rough = await alternate([entrant(OURS, "rough", [100], [], false), entrant(PEER, "peer", [10])], 1);
    expect(() => makeRow("", "", rough, GOAL)).toThrow("None of rough is accurate enough");
  });
});
