import { createHash, timingSafeEqual } from "node:crypto";

/** Tells whether a call brings `authorization: Bearer <token>`, with one of the tokens that there are now. */
export class TokenCheck {
  #expected!: Buffer[];

  constructor(tokens: readonly string[]) {
    this.use(tokens);
  }

  /** Calls that begin from now on need one of these; none: they need nothing. */
  use(tokens: readonly string[]): void {
    this.#expected = tokens.map(digest);
  }

  /** Whether calls need one. */
  get isNeeded(): boolean {
    return this.#expected.length > 0;
  }

  /** @param authorization what the call brings under that name */
  accepts(authorization: string | undefined): boolean {
    if (this.#expected.length === 0) return true;
    const [, given] = /^Bearer (\S+)$/i.exec(authorization ?? "") ?? [];
    if (given === undefined) return false;
    const offered = digest(given);
    // All of them, whichever it is.
    return this.#expected.filter((expected) => timingSafeEqual(offered, expected)).length > 0;
  }
}

/** Of one length whatever was given, so that comparing takes the same time. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
