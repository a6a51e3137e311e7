import { afterEach, describe, expect, it, vi } from "vitest";
import { SharedPool } from "../../../src/engine/shared.js";

class Thing {
  static loads = 0;
  closed = 0;

  static load = async (): Promise<Thing> => {
    Thing.loads += 1;
    return new Thing();
  };

  async close(): Promise<void> {
    this.closed += 1;
  }
}

afterEach(() => {
  Thing.loads = 0;
  vi.useRealTimers();
});

describe("what is shared", () => {
  it("is loaded once for all who want it at once, and closed by the last", async () => {
    const pool = new SharedPool<Thing>();
    const [first, second] = await Promise.all([pool.acquire("a", Thing.load), pool.acquire("a", Thing.load)]);
    expect(Thing.loads).toBe(1);
    expect(first.value).toBe(second.value);
    await first.release();
    await first.release();
    expect(first.value.closed).toBe(0);
    await second.release();
    expect(first.value.closed).toBe(1);
    expect((await pool.acquire("a", Thing.load)).value).not.toBe(first.value);
  });

  it("is told apart by key", async () => {
    const pool = new SharedPool<Thing>();
    const [a, b] = await Promise.all([pool.acquire("a", Thing.load), pool.acquire("b", Thing.load)]);
    expect(a.value).not.toBe(b.value);
  });

  it("is loaded again after a failure, which all who waited see", async () => {
    const pool = new SharedPool<Thing>();
    const fail = async (): Promise<Thing> => {
      throw new Error("no");
    };
    const outcomes = await Promise.allSettled([pool.acquire("a", fail), pool.acquire("a", Thing.load)]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
    expect((await pool.acquire("a", Thing.load)).value).toBeInstanceOf(Thing);
  });

  it("stays for a while where that is asked for, and goes then", async () => {
    vi.useFakeTimers();
    const pool = new SharedPool<Thing>();
    const lease = await pool.acquire("a", Thing.load);
    await lease.release(30);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(lease.value.closed).toBe(0);

    const again = await pool.acquire("a", Thing.load);
    expect(again.value).toBe(lease.value);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(lease.value.closed).toBe(0);

    await again.release(30);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(lease.value.closed).toBe(1);
    expect(Thing.loads).toBe(1);
  });
});
