import { describe, expect, it } from "vitest";
import { ByteBudget } from "../../src/service/call/byte-budget.js";
import { Call } from "../../src/service/call/call.js";
import { memoryShare, modelsShare } from "../../src/service/shares.js";

const MIB = 1024 ** 2;
const newCall = () => new Call("id", "method");

describe("a budget of bytes", () => {
  it("gives as many as there are, and takes them back from whoever is gone", async () => {
    const budget = new ByteBudget(10, "full", 60);
    const [first, second] = [newCall(), newCall()];
    budget.open(first).grow(8);
    expect(() => budget.open(second).grow(3)).toThrow("full");
    const waiting = budget.open(second).wait(3);
    expect(budget.waiting).toBe(1);
    first.end();
    await waiting;
    expect(budget.used).toBe(3);
    second.end();
    expect(budget.used).toBe(0);
  });

  it("lets those who came first have theirs first, and passes over those who are gone", async () => {
    const budget = new ByteBudget(10, "full", 60);
    const holder = newCall();
    const taken = budget.open(holder);
    taken.grow(10);
    const order: string[] = [];
    const large = newCall();
    const gone = budget.open(large).wait(9);
    const next = budget
      .open(holder)
      .wait(2)
      .then(() => order.push("next"));
    const last = budget
      .open(holder)
      .wait(1)
      .then(() => order.push("last"));
    taken.shrink(5);
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    large.end();
    await expect(gone).rejects.toThrow();
    await Promise.all([next, last]);
    expect(order).toEqual(["next", "last"]);
    expect(budget.used).toBe(8);
  });

  it("refuses who has waited long enough, and what could never fit", async () => {
    const budget = new ByteBudget(10, "full", 0.02);
    const call = newCall();
    const taken = budget.open(call);
    taken.grow(10);
    await expect(budget.open(call).wait(1)).rejects.toMatchObject({ code: "QUEUE_FULL" });
    taken.release();
    await expect(budget.open(call).wait(11)).rejects.toMatchObject({ code: "QUEUE_FULL" });
    expect([budget.used, budget.waiting]).toEqual([0, 0]);
  });

  it("is a share of the memory there is, of a container's limit where it has one", () => {
    const gib = 1024 * MIB;
    expect(memoryShare(16 * gib, 0)).toBe(4 * gib);
    expect(memoryShare(16 * gib, 2 ** 64)).toBe(4 * gib);
    expect(memoryShare(64 * gib, 4 * gib)).toBe(gib);
    expect(memoryShare(512 * gib, 0)).toBe(4 * gib);
    expect(memoryShare(128 * MIB, 0)).toBe(64 * MIB);
  });

  it("of models is a larger share of it", () => {
    const gib = 1024 ** 3;
    expect(modelsShare(16 * gib, 0)).toBe(8 * gib);
    expect(modelsShare(16 * gib, 2 * gib)).toBe(gib);
    expect(modelsShare(128 * MIB, 0)).toBe(256 * MIB);
  });
});
