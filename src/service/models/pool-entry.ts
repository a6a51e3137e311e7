/** Something that is loaded when it is wanted. */
export interface Loadable<T> {
  readonly name: string;
  /** Bytes that it will take in memory, as far as that is known before it has been loaded. */
  readonly estimate: number;
  /** Seconds that it stays loaded after its last use. */
  readonly ttl: number;
  /** Whether it stays when others need its memory. */
  readonly stays: boolean;
  load(): Promise<T>;
}

/** A share in what is loaded, which stays as long as somebody has one. */
export interface Lease<T> {
  readonly value: T;
  /** Gives it back; more than once does nothing. */
  release(): void;
}

/** What is loaded, or about to be, or about to go. */
export interface PoolState {
  name: string;
  /** `waiting`: for room in memory. */
  state: "waiting" | "loading" | "loaded" | "leaving";
  /** Bytes that it takes: as they were measured, or estimated while it is loaded. */
  memory: number;
  /** Who uses it, or waits for it. */
  users: number;
  /** Unix time in seconds at which it was loaded. */
  loadedAt: number | undefined;
  /** Unix time in seconds at which it is unloaded unless it is used; undefined: it is in use, or stays. */
  expiresAt: number | undefined;
}

/** One of a pool. */
export class Entry<T> {
  state: PoolState["state"] = "waiting";
  memory = 0;
  users = 0;
  /** `performance.now()` of its last use. */
  usedAt = performance.now();
  loadedAt: number | undefined;
  expiresAt: number | undefined;
  value: T | undefined;
  loading!: Promise<T>;
  timer: NodeJS.Timeout | undefined;
  isOurs = true;
  /** Fires when nobody waits for its room any more. */
  readonly unwanted = new AbortController();

  constructor(readonly model: Loadable<T>) {}

  get isIdle(): boolean {
    return this.state === "loaded" && this.users === 0 && this.isOurs;
  }

  /** Whether it may go when others need its memory. */
  get mayGo(): boolean {
    return this.isIdle && !this.model.stays;
  }
}

/** How far from its estimate a measurement may be: beyond, something else has happened to the process meanwhile. */
const LEAST_OF_ESTIMATE = 0.25;
const MOST_OF_ESTIMATE = 4;

/** What something takes by what the process has grown by; undefined: something else has happened meanwhile. */
export function likely(taken: number, estimate: number): number | undefined {
  return taken >= LEAST_OF_ESTIMATE * estimate && taken <= MOST_OF_ESTIMATE * estimate ? taken : undefined;
}
