import dns from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { withoutBrackets } from "../../addresses.js";
import { wrongField } from "../../options/read-options.js";
import { entriesOf } from "../../setting-values.js";
import { type ServerSettings, variableOf } from "../../settings.js";
import { cut } from "../../text.js";

/** What no webhook goes to unless the operator has named it: this machine, its networks, and what is no host at all. */
const FORBIDDEN = new BlockList();
for (const network of [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  // Clouds tell machines their secrets there.
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
])
  FORBIDDEN.addSubnet(...partsOf(network), "ipv4");
for (const network of [
  "::/128",
  "::1/128",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
  // IPv4 addresses, any of them, in other words.
  "::/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2001::/32",
  "2002::/16",
])
  FORBIDDEN.addSubnet(...partsOf(network), "ipv6");

function partsOf(network: string): [string, number] {
  const [address, bits] = network.split("/") as [string, string];
  return [address, Number(bits)];
}

/** Of `https` and `http`. */
const USUAL_PORTS = ["443", "80"];
const LONGEST_URL = 2000;
const FIELD = "webhook_url";

/** Whether an address is this machine's or one of its networks', or nobody's. */
export function isForbiddenAddress(address: string): boolean {
  const bare = withoutBrackets(address).replace(/%.*$/, "");
  // Of an IPv4 address in IPv6's notation the rules of IPv4 hold by themselves.
  return FORBIDDEN.check(bare, isIP(bare) === 4 ? "ipv4" : "ipv6");
}

/** Where webhooks may go: no client can have the server call what only the server reaches. */
export class WebhookTargets {
  readonly #private: readonly string[];
  readonly #allowed: readonly string[];

  constructor({ webhookAllowedHosts, webhookPrivateHosts }: ServerSettings) {
    this.#private = entriesOf(webhookPrivateHosts);
    this.#allowed = entriesOf(webhookAllowedHosts);
  }

  /** @throws TranscriptionError INVALID_ARGUMENT that says what is wrong with it */
  check(given: string): URL {
    const url = given.length <= LONGEST_URL && URL.canParse(given) ? new URL(given) : undefined;
    if (!url || url.hostname === "")
      throw refused(`a URL of at most ${LONGEST_URL} characters`, withoutPath(given));
    if (url.username !== "" || url.password !== "")
      throw refused("a URL without user and password", "one with them");
    const isNamed = this.#isPrivate(url);
    if (url.protocol !== "https:" && !(isNamed && url.protocol === "http:"))
      throw refused("an https: URL", withoutPath(given));
    const { host, hostname, port } = url;
    if (this.#allowed.length > 0 && !this.#allowed.some((entry) => matches(entry, url)))
      throw refused(`a host that ${variableOf("webhookAllowedHosts")} names`, host);
    if (isNamed) return url;
    const isUsual = port === "" || USUAL_PORTS.includes(port);
    const isListed = this.#allowed.some((entry) => /:\d+$/.test(entry) && matches(entry, url));
    if (!isUsual && !isListed) throw refused("the port 443 or 80", host);
    // Never looked up, so never checked below.
    if (isIP(withoutBrackets(hostname)) !== 0 && isForbiddenAddress(hostname)) throw this.#isOurs(host);
    if (/^(localhost|.*\.(localhost|local|internal))\.?$/i.test(hostname)) throw this.#isOurs(host);
    return url;
  }

  /** Looks up the host of `url`, and finds nothing where one of its addresses is forbidden. */
  lookupFor(url: URL): LookupFunction {
    if (this.#isPrivate(url)) return dns.lookup as LookupFunction;
    return (hostname, options, callback) => {
      dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, []);
        if (addresses.some(({ address }) => isForbiddenAddress(address)))
          return callback(new ForbiddenAddress(), []);
        if (options.all) return callback(null, addresses);
        const [first] = addresses;
        return callback(null, first?.address ?? "", first?.family);
      });
    };
  }

  #isPrivate(url: URL): boolean {
    return this.#private.some((entry) => matches(entry, url));
  }

  #isOurs(host: string) {
    return refused(`a host that is no private one, or that ${variableOf("webhookPrivateHosts")} names`, host);
  }
}

/** A name led to an address that webhooks do not go to. */
export class ForbiddenAddress extends Error {
  readonly code = "EFORBIDDEN";

  constructor() {
    super("the host has a private address");
  }
}

/** Whether an entry of a setting means the host, and the port where it names one. */
function matches(entry: string, { hostname, port, protocol }: URL): boolean {
  const [, name = "", entryPort] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase())!;
  const host = hostname.toLowerCase().replace(/\.$/, "");
  const isHost = name.startsWith("*.") ? host.endsWith(name.slice(1)) : host === name;
  return (
    isHost && (entryPort === undefined || entryPort === (port || (protocol === "https:" ? "443" : "80")))
  );
}

/** What comes after the host may be a receiver's secret, and what is refused is logged. */
function withoutPath(given: string): string {
  return /^([a-z][a-z0-9+.-]*:\/*)?[^/?#]*/i.exec(given)![0];
}

function refused(expected: string, received: string): Error {
  return wrongField(FIELD, expected, cut(received));
}
