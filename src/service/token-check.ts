import { createHash, timingSafeEqual } from "node:crypto";
import { isSessionOf, newSession } from "./page-session.js";

/**
 * Tells whether a call brings `authorization: Bearer <token>`, or `Token <token>`, as Deepgram's clients do, with one of the
 * tokens that there are now.
 */
export class TokenCheck {
  #tokens!: readonly string[];
  #expected!: Buffer[];

  constructor(tokens: readonly string[]) {
    this.use(tokens);
  }

  /** Calls that begin from now on need one of these; none: they need nothing. */
  use(tokens: readonly string[]): void {
    this.#tokens = tokens;
    this.#expected = tokens.map(digest);
  }

  /** Whether calls need one. */
  get isNeeded(): boolean {
    return this.#expected.length > 0;
  }

  /** @param authorization what the call brings under that name */
  accepts(authorization: string | undefined): boolean {
    return !this.isNeeded || this.#tokenIn(authorization) !== undefined;
  }

  /** What a browser may bring in place of the token from now on; undefined where the call does not bring it. */
  newSession(authorization: string | undefined): string | undefined {
    const token = this.#tokenIn(authorization);
    return token === undefined ? undefined : newSession(token);
  }

  /** Whether it is the session of a token that there is now. */
  acceptsSession(session: string): boolean {
    return this.#tokens.filter((token) => isSessionOf(token, session)).length > 0;
  }

  #tokenIn(authorization: string | undefined): string | undefined {
    const [, given] = /^(?:Bearer|Token) (\S+)$/i.exec(authorization ?? "") ?? [];
    if (given === undefined) return undefined;
    const offered = digest(given);
    // All of them, whichever it is.
    const isGood = this.#expected.filter((expected) => timingSafeEqual(offered, expected)).length > 0;
    return isGood ? given : undefined;
  }
}

/** Of one length whatever was given, so that comparing takes the same time. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
