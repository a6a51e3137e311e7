import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TranscriptionError } from "../../src/index.js";
import { ModelPool, type PoolOptions } from "../../src/service/models/model-pool.js";
import type { Loadable } from "../../src/service/models/pool-entry.js";
import { latch } from "../support/transcribe-fake.js";

/** Something that was loaded, and takes memory until it is closed. */
interface Loaded {
  name: string;
  isClosed: boolean;
  close(): Promise<void>;
}

interface Made extends Loadable<Loaded> {
  /** Those that have been loaded. */
  loaded: Loaded[];
}

/** Who never leaves. */
const nobody = () => new AbortController().signal;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A pool of models that take as many bytes as they say, with an account of what happens. */
function poolOf(budget: number, options: Partial<PoolOptions> = {}) {
  const events: string[] = [];
  let taken = 0;
  const pool = new ModelPool<Loaded>({
    budget,
    full: "no room",
    budgetName: "BUDGET",
    measure: () => taken,
    tidy: async () => {},
    onLoaded: (name, _seconds, memory) => events.push(`loaded ${name} ${memory}`),
    onLoadFailed: (name, error) => events.push(`failed ${name}: ${(error as Error).message}`),
    onUnloaded: (name, reason) => events.push(`unloaded ${name}: ${reason}`),
    ...options,
  });
  const model = (
    name: string,
    bytes: number,
    {
      takes = bytes,
      before = async () => {},
      ...given
    }: Partial<Made> & { takes?: number; before?: () => Promise<void> } = {},
  ): Made => {
    const loaded: Loaded[] = [];
    return {
      name,
      estimate: bytes,
      ttl: 300,
      stays: false,
      loaded,
      load: async () => {
        await before();
        taken += takes;
        const value: Loaded = {
          name,
          isClosed: false,
          close: async () => {
            value.isClosed = true;
            taken -= takes;
          },
        };
        loaded.push(value);
        return value;
      },
      ...given,
    };
  };
  const use = (made: Made, signal = nobody()) => pool.acquire(made, signal);
  const touch = async (made: Made) => (await use(made)).release();
  const names = () => pool.states().map(({ name }) => name);
  return { pool, model, use, touch, events, names };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "ok",
    (error) => (error as TranscriptionError).code,
  );

describe("a model", () => {
  it("is loaded once for twenty who ask at once, and again when it has gone", async () => {
    const { model, touch, use } = poolOf(100);
    const a = model("a", 10);
    const leases = await Promise.all(Array.from({ length: 20 }, () => use(a)));
    expect(a.loaded).toHaveLength(1);
    expect(new Set(leases.map(({ value }) => value))).toEqual(new Set(a.loaded));
    for (const lease of leases) lease.release();
    await vi.advanceTimersByTimeAsync(300_000);
    await touch(a);
    expect(a.loaded.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  it("goes when it has not been used for its time, which begins anew with each use", async () => {
    const { events, model, pool, touch } = poolOf(100);
    const a = model("a", 10);
    await touch(a);
    expect(pool.states()[0]).toMatchObject({ expiresAt: Date.now() / 1000 + 300, users: 0 });
    await vi.advanceTimersByTimeAsync(299_000);
    await touch(a);
    await vi.advanceTimersByTimeAsync(299_000);
    expect(events).toEqual(["loaded a 10"]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(events).toEqual(["loaded a 10", "unloaded a: ttl"]);
    expect(pool.used).toBe(0);
  });

  it("does not go while it is used, however long", async () => {
    const { model, pool, use, touch } = poolOf(100);
    const a = model("a", 10, { ttl: 1 });
    const lease = await use(a);
    await touch(a);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(pool.states()[0]).toMatchObject({ state: "loaded", users: 1, expiresAt: undefined });
    lease.release();
    lease.release();
    await vi.advanceTimersByTimeAsync(1000);
    expect(a.loaded[0]!.isClosed).toBe(true);
  });

  it("goes with its last user where its time is 0, and never where it is endless", async () => {
    const { events, model, touch } = poolOf(100);
    await touch(model("a", 10, { ttl: 0 }));
    await touch(model("b", 10, { ttl: Number.POSITIVE_INFINITY }));
    await vi.advanceTimersByTimeAsync(2 ** 31);
    expect(events).toEqual(["loaded a 10", "unloaded a: ttl", "loaded b 10"]);
  });
});

describe("memory", () => {
  it("is made by those that were not used for longest", async () => {
    const { events, model, touch, names } = poolOf(30);
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => model(name, 10)) as [Made, Made, Made, Made];
    for (const each of [a, b, c, a]) {
      await vi.advanceTimersByTimeAsync(10);
      await touch(each);
    }
    await touch(d);
    expect(events.slice(3)).toEqual(["unloaded b: memory", "loaded d 10"]);
    expect(names()).toEqual(["a", "c", "d"]);
    expect(b.loaded[0]!.isClosed).toBe(true);
  });

  it("is never taken from what is in use: who finds none within ten seconds is refused", async () => {
    const { model, use } = poolOf(20);
    const lease = await use(model("a", 15));
    const refused = codeOf(use(model("b", 10)));
    await vi.advanceTimersByTimeAsync(9_999);
    expect(lease.value.isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await refused).toBe("QUEUE_FULL");
    expect(lease.value.isClosed).toBe(false);
    const waits = use(model("b", 10));
    await vi.advanceTimersByTimeAsync(5_000);
    lease.release();
    expect((await waits).value.name).toBe("b");
    expect(lease.value.isClosed).toBe(true);
  });

  it("is not taken from anybody for what would not fit all the same", async () => {
    const { events, model, touch, use } = poolOf(30);
    await touch(model("idle", 10));
    const lease = await use(model("busy", 15));
    const refused = codeOf(use(model("c", 20)));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await refused).toBe("QUEUE_FULL");
    expect(events.filter((event) => event.startsWith("unloaded"))).toEqual([]);
    lease.release();
    expect(await codeOf(use(model("d", 31)))).toBe("OUT_OF_MEMORY");
    expect(events.filter((event) => event.startsWith("unloaded"))).toEqual([]);
  });

  it("is that of what stays, too, which makes room for nobody", async () => {
    const { events, model, pool, use } = poolOf(30);
    const main = model("main", 20, { stays: true, ttl: Number.POSITIVE_INFINITY });
    pool.adopt(main, await main.load(), { taken: 20, isOurs: true });
    await expect(use(model("b", 11))).rejects.toThrow(/Model b takes 11 bytes.*BUDGET.*30.*20 of them/);
    expect((await use(model("c", 10))).value.name).toBe("c");
    expect(events).toEqual(["loaded c 10"]);
  });

  it("counts as it was measured, the next time before it is loaded", async () => {
    const { events, model, touch } = poolOf(30);
    await touch(model("small", 5));
    // Takes more than its file has, which is known only then.
    const big = model("big", 10, { takes: 26 });
    await touch(big);
    expect(events).toEqual(["loaded small 5", "loaded big 26", "unloaded small: memory"]);
    await touch(model("small", 5));
    expect(events.slice(3)).toEqual(["unloaded big: memory", "loaded small 5"]);
    await touch(big);
    expect(events.slice(5)).toEqual(["unloaded small: memory", "loaded big 26"]);
  });

  it("is not what something else took meanwhile", async () => {
    const { events, model, touch } = poolOf(Number.POSITIVE_INFINITY);
    await touch(model("a", 10, { takes: 1000 }));
    await touch(model("b", 10, { takes: -50 }));
    expect(events).toEqual(["loaded a 10", "loaded b 10"]);
  });

  it("is made where the machine has less than the budget allows", async () => {
    const { events, model, touch } = poolOf(100);
    await touch(model("a", 10));
    await vi.advanceTimersByTimeAsync(10);
    await touch(model("b", 10));
    let attempts = 0;
    const before = async () => {
      if (++attempts < 2) throw new TranscriptionError("OUT_OF_MEMORY", "no memory");
    };
    await touch(model("c", 10, { before }));
    expect(events.slice(2)).toEqual(["unloaded a: memory", "loaded c 10"]);
  });

  it("of what leaves counts until it is free", async () => {
    const tidied = latch();
    const { model, pool, touch, use } = poolOf(15, { tidy: () => tidied.opened });
    await touch(model("a", 10));
    const waits = use(model("b", 10));
    await vi.advanceTimersByTimeAsync(0);
    expect(pool.used).toBe(10);
    expect(pool.states().map(({ name, state }) => [name, state])).toEqual([
      ["a", "leaving"],
      ["b", "waiting"],
    ]);
    tidied.open();
    await waits;
    expect(pool.used).toBe(10);
  });
});

describe("who waits for a model", () => {
  it("may leave while it is loaded, which the others do not notice", async () => {
    const { opened, open } = latch();
    const { model, pool, use } = poolOf(100);
    const a = model("a", 10, { before: () => opened });
    const leaving = new AbortController();
    const [left, stays] = [use(a, leaving.signal), use(a)];
    leaving.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    open();
    const lease = await stays;
    expect(pool.states()[0]).toMatchObject({ users: 1 });
    lease.release();
    await expect(use(a, leaving.signal)).rejects.toThrow("gone");
    expect(a.loaded).toHaveLength(1);
  });

  it("leaves behind what is loaded by then, for the next", async () => {
    const { opened, open } = latch();
    const { model, pool, touch, use } = poolOf(100);
    const a = model("a", 10, { before: () => opened });
    const leaving = new AbortController();
    const left = use(a, leaving.signal);
    leaving.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    open();
    await vi.advanceTimersByTimeAsync(0);
    expect(pool.states()[0]).toMatchObject({ state: "loaded", users: 0 });
    await touch(a);
    expect(a.loaded).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(pool.states()).toEqual([]);
  });

  it("takes its place in the line for memory along", async () => {
    const { events, model, names, use } = poolOf(20);
    await use(model("a", 15));
    const leaving = new AbortController();
    const b = model("b", 10);
    const left = use(b, leaving.signal);
    await vi.advanceTimersByTimeAsync(1000);
    expect(names()).toEqual(["a", "b"]);
    leaving.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    expect(names()).toEqual(["a"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events).toEqual(["loaded a 15"]);
  });

  it("hears why it is not loaded, as all do, and the next one tries again", async () => {
    const { events, model, pool, use } = poolOf(100);
    let isBroken = true;
    const before = async () => {
      if (isBroken) throw new TranscriptionError("MODEL_INVALID", "damaged");
    };
    const a = model("a", 10, { before });
    const refused = await Promise.all([codeOf(use(a)), codeOf(use(a))]);
    expect(refused).toEqual(["MODEL_INVALID", "MODEL_INVALID"]);
    expect(events).toEqual(["failed a: damaged"]);
    expect(pool.used).toBe(0);
    isBroken = false;
    expect((await use(a)).value.name).toBe("a");
  });
});

describe("a pool", () => {
  it("unloads on request what is not in use", async () => {
    const { events, model, pool, use } = poolOf(100);
    const lease = await use(model("a", 10));
    expect(await pool.unload("a")).toBe("busy");
    lease.release();
    expect(await pool.unload("a")).toBeUndefined();
    expect(await pool.unload("a")).toBe("absent");
    expect(events).toEqual(["loaded a 10", "unloaded a: request"]);
  });

  it("closes what is loaded, what is being loaded and what leaves, and nothing that is not its own", async () => {
    const [loading, tidied] = [latch(), latch()];
    const { model, pool, touch, use } = poolOf(40, { tidy: () => tidied.opened });
    const [a, b, c, d] = [
      model("a", 10),
      model("b", 10, { before: () => loading.opened }),
      model("c", 10, { ttl: 0 }),
      model("d", 10, { stays: true }),
    ];
    pool.adopt(d, await d.load(), { taken: 10, isOurs: false });
    await touch(a);
    await touch(c);
    const waits = use(b);
    await vi.advanceTimersByTimeAsync(0);
    const refused = codeOf(use(model("e", 25)));
    await vi.advanceTimersByTimeAsync(0);
    const closing = pool.close();
    expect(pool.close()).toBe(closing);
    expect(await refused).toBe("CANCELLED");
    expect(await codeOf(use(model("f", 1)))).toBe("CANCELLED");
    loading.open();
    expect((await waits).value.name).toBe("b");
    tidied.open();
    await closing;
    const states = [a, b, c, d].map(({ loaded }) => loaded.map(({ isClosed }) => isClosed));
    expect(states).toEqual([[true], [true], [true], [false]]);
    expect(pool.states()).toEqual([]);
    await vi.advanceTimersByTimeAsync(600_000);
  });
});
