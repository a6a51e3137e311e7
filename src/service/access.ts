import type { IncomingHttpHeaders } from "node:http";
import { isAddress, withoutBrackets } from "./addresses.js";
import { entriesOf } from "./setting-values.js";
import { type ServerSettings, variableOf } from "./settings.js";
import { cut } from "./text.js";

/** Why a page may not use the server. */
export class Forbidden extends Error {
  override readonly name = "Forbidden";
}

/** Settings that say who may. */
type AccessSettings = Pick<ServerSettings, "httpAllowedHosts" | "httpAllowedOrigins" | "tlsCertificate">;

/**
 * Which pages in a browser may use the server. Any page can have a browser send a form to this machine or open a WebSocket
 * to it, and one whose name is made to mean this machine (DNS rebinding) can read the answer.
 */
export class Access {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #scheme: string;
  readonly #takesExtensions: boolean;

  /**
   * @param host address that is listened on
   * @param takesExtensions whether extensions of browsers may use it as well, which somebody has installed
   */
  constructor(
    { httpAllowedHosts, httpAllowedOrigins, tlsCertificate }: AccessSettings,
    host: string,
    { takesExtensions = false } = {},
  ) {
    this.#hosts = new Set(["localhost", host, ...entriesOf(httpAllowedHosts)].map(withoutBrackets));
    this.#origins = new Set(entriesOf(httpAllowedOrigins).map((origin) => origin.toLowerCase()));
    this.#scheme = tlsCertificate === undefined ? "http" : "https";
    this.#takesExtensions = takesExtensions;
  }

  /**
   * Refuses a name that somebody else may have given to this server. Where a token is needed there is no need: the page
   * of that name does not have it.
   * @throws Forbidden
   */
  checkHost({ host }: IncomingHttpHeaders): void {
    if (host === undefined || this.#hosts.has("*")) return;
    const name = host.replace(/:\d+$/, "");
    if (isAddress(name) || this.#hosts.has(withoutBrackets(name))) return;
    const advice = `add it to ${variableOf("httpAllowedHosts")} if it is, or set a token`;
    throw new Forbidden(`${JSON.stringify(cut(name))} is no name of this server: ${advice}`);
  }

  /**
   * Refuses what a page of another origin has a browser send.
   * @param isPublic whether everybody may read the answer: then a link may lead to it from anywhere
   * @returns the other origin that is allowed, if the request comes from one
   * @throws Forbidden
   */
  checkOrigin(headers: IncomingHttpHeaders, isPublic: boolean): string | undefined {
    const { host, origin } = headers;
    const isForeign = /^(cross-site|same-site)$/.test(String(headers["sec-fetch-site"] ?? ""));
    if (origin === undefined) {
      const isLink = isPublic && headers["sec-fetch-mode"] === "navigate";
      if (!isForeign || isLink) return undefined;
      throw new Forbidden(`Pages of other origins may not use this server${this.#advice}`);
    }
    if (this.#origins.has(origin.toLowerCase())) return origin;
    if (this.#isOwn(origin, host)) return undefined;
    if (this.#takesExtensions && /^[a-z]+(-[a-z]+)*-extension:\/\//.test(origin)) return undefined;
    throw new Forbidden(`The origin ${JSON.stringify(cut(origin))} may not use this server${this.#advice}`);
  }

  get #advice(): string {
    return `: ${variableOf("httpAllowedOrigins")} names those that may`;
  }

  /** A proxy in front may add TLS. */
  #isOwn(origin: string, host = ""): boolean {
    const own = host.toLowerCase();
    return [this.#scheme, "https"].some((scheme) => origin.toLowerCase() === `${scheme}://${own}`);
  }
}
