import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** As Twilio may have been given the address of this server, which a proxy in front of it hides. */
const SCHEMES = ["wss", "https", "ws", "http"];

/**
 * Whether a handshake bears Twilio's signature of its address, made with the account's auth token
 * (https://www.twilio.com/docs/usage/security#validating-requests).
 */
export function isSignedByTwilio({ headers, url = "/" }: IncomingMessage, authToken: string): boolean {
  const given = Buffer.from(String(headers["x-twilio-signature"] ?? ""));
  const addresses = SCHEMES.flatMap((scheme) => {
    const address = `${scheme}://${headers.host ?? ""}${url}`;
    // It may have added a slash.
    return url.endsWith("/") ? [address, address.slice(0, -1)] : [address, `${address}/`];
  });
  const right = addresses.filter((address) => {
    const expected = Buffer.from(createHmac("sha1", authToken).update(address).digest("base64"));
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
  return right.length > 0;
}
