/** A session, as its door sees it. */
export interface OpenSession {
  windUp(): Promise<void>;
  break(): void;
}

/** The sessions of a door that are open. */
export class Sessions {
  readonly #open = new Set<OpenSession>();

  /** @returns called when it is over */
  add(session: OpenSession): () => void {
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
