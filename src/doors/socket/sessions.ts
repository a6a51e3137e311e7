import type { LiveSession } from "./session.js";

/** The sessions of a door that are open. */
export class Sessions {
  readonly #open = new Set<LiveSession>();

  /** @returns called when it is over */
  add(session: LiveSession): () => void {
    this.#open.add(session);
    return () => this.#open.delete(session);
  }

  /** Has every one say what it has, and end. */
  async windUp(): Promise<void> {
    await Promise.all([...this.#open].map((session) => session.windUp()));
  }

  /** Breaks the connections of those that are left. */
  break(): void {
    for (const session of this.#open) session.break();
  }
}
