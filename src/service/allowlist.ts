import { BlockList, isIP } from "node:net";
import { isLoopback, withoutBrackets } from "./addresses.js";
import { entriesOf } from "./setting-values.js";

/** An address, or a network as `10.0.0.0/8`. */
export function isNetwork(entry: string): boolean {
  const [address = "", bits, ...others] = entry.split("/");
  const version = isIP(withoutBrackets(address));
  if (version === 0 || others.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** Addresses that a setting names, and this machine. */
export class Allowlist {
  readonly #networks = new BlockList();

  /** @param list of {@link isNetwork}, comma-separated */
  constructor(list: string) {
    for (const entry of entriesOf(list)) {
      const [address, bits] = entry.split("/") as [string, string | undefined];
      const bare = withoutBrackets(address);
      const family = isIP(bare) === 4 ? "ipv4" : "ipv6";
      this.#networks.addSubnet(bare, Number(bits ?? (family === "ipv4" ? 32 : 128)), family);
    }
  }

  includes(address: string): boolean {
    const bare = address.replace(/%.*$/, "");
    if (isLoopback(bare)) return true;
    // Of an IPv4 address in IPv6's notation the rules of IPv4 hold by themselves.
    return isIP(bare) !== 0 && this.#networks.check(bare, isIP(bare) === 4 ? "ipv4" : "ipv6");
  }
}
