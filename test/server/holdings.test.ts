import { describe, expect, it } from "vitest";
import { Call } from "../../src/service/call/call.js";
import { whileHeld } from "../../src/service/call/holdings.js";
import { Slots } from "../../src/service/call/slots.js";

const newCall = () => new Call("id", "method");

describe("a call", () => {
  it("gives back what it holds when it is over, once", () => {
    const call = newCall();
    let freed = 0;
    const release = call.hold(() => freed++);
    call.end();
    release();
    call.end();
    expect(freed).toBe(1);
  });

  it("gives back what arrives after it is over", () => {
    const call = newCall();
    call.end();
    let freed = 0;
    call.hold(() => freed++);
    expect(freed).toBe(1);
  });

  it("keeps what it holds until nothing works for it any more", async () => {
    const call = newCall();
    let freed = 0;
    let finish = () => {};
    call.hold(() => freed++);
    const work = call.work(() => new Promise<void>((resolve) => (finish = resolve)));
    call.end();
    expect(freed).toBe(0);
    finish();
    await work;
    expect(freed).toBe(1);
  });

  it("gives back what its work needs when that is done, be it over or not", async () => {
    const call = newCall();
    const freed: number[] = [];
    for (const time of [1, 2]) {
      await call.work(async () => {
        call.worker.hold(() => freed.push(time));
        // Work goes on as long as any of it does.
        await call.work(async () => {});
        expect(freed).toHaveLength(time - 1);
      });
    }
    expect(freed).toEqual([1, 2]);
    call.end();
    call.worker.hold(() => freed.push(3));
    expect(freed).toEqual([1, 2, 3]);
  });

  it("starts no timer when it is over", () => {
    const call = newCall();
    call.end();
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    call.expireAfter(1000, "late");
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout")).toHaveLength(before);
  });
});

describe("slots", () => {
  it("come back from calls that end together, in whatever order they waited", async () => {
    const slots = new Slots(4, 100, "full");
    const calls = Array.from({ length: 60 }, newCall);
    const granted = calls.map((call) => slots.acquire(call).catch(() => {}));
    await new Promise((resolve) => setImmediate(resolve));
    expect([slots.taken, slots.waiting]).toEqual([4, 56]);
    for (const call of calls) call.end();
    await Promise.all(granted);
    expect([slots.taken, slots.waiting]).toEqual([0, 0]);
    await slots.acquire(newCall());
  });

  it("come back from work that fails before it begins", async () => {
    const slots = new Slots(1, 1, "full");
    const controller = new AbortController();
    const work = whileHeld(controller.signal, async (holder) => {
      await slots.acquire(holder);
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    expect(slots.taken).toBe(0);
  });
});
