import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { HeldLock } from "../../src/service/jobs/broker/held-lock.js";

const DURATION = 10_000;

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

/** A lock, and how often it was renewed. @param answer what the queue says each time */
function hold(answer: (times: number) => boolean) {
  let times = 0;
  const lock = new HeldLock(async () => answer(++times), DURATION);
  onTestFinished(() => lock.release());
  return { lock, times: () => times };
}

describe("the lock of a run", () => {
  it("is renewed twice as often as it would end, until it is released", async () => {
    const { lock, times } = hold(() => true);
    await vi.advanceTimersByTimeAsync(3 * DURATION);
    expect(times()).toBe(6);
    lock.release();
    await vi.advanceTimersByTimeAsync(3 * DURATION);
    expect(times()).toBe(6);
    expect(lock.signal.aborted).toBe(false);
  });

  it("is lost when the queue says so, and not while it says nothing", async () => {
    const { lock, times } = hold((before) => {
      if (before < 5) throw new Error("away");
      return false;
    });
    await vi.advanceTimersByTimeAsync(DURATION / 2 + 3 * 500);
    expect(times()).toBe(4);
    expect(lock.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(500);
    expect(lock.signal.aborted).toBe(true);
    expect(lock.wasStuck).toBe(false);
    await vi.advanceTimersByTimeAsync(DURATION);
    expect(times()).toBe(5);
  });

  it("that is released while the queue is asked is not lost", async () => {
    let answer!: (isOurs: boolean) => void;
    const asked = new Promise<boolean>((resolve) => {
      answer = resolve;
    });
    const lock = new HeldLock(() => asked, DURATION);
    await vi.advanceTimersByTimeAsync(DURATION / 2);
    lock.release();
    answer(false);
    await vi.advanceTimersByTimeAsync(DURATION);
    expect(lock.signal.aborted).toBe(false);
  });

  it("was lost by a process in which nothing went on where its timer was that late", async () => {
    const { lock } = hold(() => false);
    // Nothing else runs while time passes.
    const now = performance.now();
    const clock = vi.spyOn(performance, "now").mockReturnValue(now + DURATION);
    onTestFinished(() => clock.mockRestore());
    await vi.advanceTimersByTimeAsync(DURATION / 2);
    expect(lock.signal.aborted).toBe(true);
    expect(lock.wasStuck).toBe(true);
  });
});
