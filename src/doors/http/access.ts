import type { IncomingHttpHeaders } from "node:http";
import { isAddress, withoutBrackets } from "../../service/addresses.js";
import { entriesOf } from "../../service/setting-values.js";
import { type ServerSettings, variableOf } from "../../service/settings.js";
import { cut } from "../../service/text.js";
import { Refusal } from "./failures.js";

/**
 * Which pages in a browser may use the server. Any page can have a browser send a form to this machine, and one whose
 * name is made to mean this machine (DNS rebinding) can read the answer.
 */
export class Access {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #scheme: string;

  constructor({ httpHost, httpAllowedHosts, httpAllowedOrigins, tlsCertificate }: ServerSettings) {
    this.#hosts = new Set(["localhost", httpHost, ...entriesOf(httpAllowedHosts)].map(withoutBrackets));
    this.#origins = new Set(entriesOf(httpAllowedOrigins).map((origin) => origin.toLowerCase()));
    this.#scheme = tlsCertificate === undefined ? "http" : "https";
  }

  /**
   * Refuses a name that somebody else may have given to this server. Where a token is needed there is no need: the page
   * of that name does not have it.
   * @throws Refusal FORBIDDEN
   */
  checkHost({ host }: IncomingHttpHeaders): void {
    if (host === undefined || this.#hosts.has("*")) return;
    const name = host.replace(/:\d+$/, "");
    if (isAddress(name) || this.#hosts.has(withoutBrackets(name))) return;
    const advice = `add it to ${variableOf("httpAllowedHosts")} if it is, or set a token`;
    throw new Refusal("FORBIDDEN", `${JSON.stringify(cut(name))} is no name of this server: ${advice}`);
  }

  /**
   * Refuses what a page of another origin has a browser send.
   * @param isPublic whether everybody may read the answer: then a link may lead to it from anywhere
   * @returns the other origin that is allowed, if the request comes from one
   * @throws Refusal FORBIDDEN
   */
  checkOrigin(headers: IncomingHttpHeaders, isPublic: boolean): string | undefined {
    const { host, origin } = headers;
    const isForeign = /^(cross-site|same-site)$/.test(String(headers["sec-fetch-site"] ?? ""));
    if (origin === undefined) {
      const isLink = isPublic && headers["sec-fetch-mode"] === "navigate";
      if (!isForeign || isLink) return undefined;
      throw new Refusal("FORBIDDEN", `Pages of other origins may not use this server${this.#advice}`);
    }
    if (this.#origins.has(origin.toLowerCase())) return origin;
    if (this.#isOwn(origin, host)) return undefined;
    const message = `The origin ${JSON.stringify(cut(origin))} may not use this server${this.#advice}`;
    throw new Refusal("FORBIDDEN", message);
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

/** Of an answer to a page of another origin that is allowed. Nothing goes by cookies, which would be credentials. */
export function crossOriginHeaders(origin: string): Record<string, string> {
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "x-request-id, retry-after, location",
    vary: "origin",
  };
}

/** Seconds that a browser remembers what it may send. */
const REMEMBERED = 600;

/** Of an answer to a browser that asks what such a page may send. */
export function preflightHeaders(origin: string, headers: IncomingHttpHeaders): Record<string, string> {
  const asked = headers["access-control-request-headers"];
  return {
    ...crossOriginHeaders(origin),
    "access-control-allow-methods": "GET, HEAD, POST, DELETE",
    // OpenAI's client has a dozen of its own.
    ...(asked !== undefined && { "access-control-allow-headers": asked }),
    "access-control-max-age": String(REMEMBERED),
  };
}
