/** Bytes of a secret, by the scheme of Standard Webhooks. */
const SHORTEST = 24;
const LONGEST = 64;

/** What the setting of secrets has. */
export const SECRET_FORM = `whsec_… (${SHORTEST} to ${LONGEST} bytes in base64) or name=whsec_…`;

export function isSecretEntry(entry: string): boolean {
  const [, secret] = /^(?:[A-Za-z0-9_.-]{1,64}=)?whsec_([A-Za-z0-9+/]+={0,2})$/.exec(entry) ?? [];
  if (secret === undefined) return false;
  const { length } = Buffer.from(secret, "base64");
  return length >= SHORTEST && length <= LONGEST;
}

/** What settings of hosts have. */
export const TARGET_FORM = "hosts as host, host:port or *.domain";

export function isTarget(entry: string): boolean {
  return /^(\*\.)?([a-z0-9]([a-z0-9.-]{0,252})|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(entry);
}
