import type { ValueKind } from "../../setting-values.js";

/** What a queue is in, by the protocol of its address. */
const KINDS = {
  "redis:": "redis",
  "rediss:": "redis",
  "postgres:": "postgres",
  "postgresql:": "postgres",
} as const;

export type BrokerKind = (typeof KINDS)[keyof typeof KINDS];

/** @returns undefined for what is no address of a queue */
export function brokerKind(url: string): BrokerKind | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname, protocol } = new URL(url);
  if (!Object.hasOwn(KINDS, protocol)) return undefined;
  const kind = KINDS[protocol as keyof typeof KINDS];
  // A socket of PostgreSQL's has no host.
  return kind === "redis" && hostname === "" ? undefined : kind;
}

/** `redis://`, `rediss://` or `postgres://`, with user, password and database as their clients know it. */
export const queueUrl: ValueKind<string> = {
  expected: "redis://host:port/0, rediss://… or postgres://user@host:port/database",
  parse: (text) => (brokerKind(text) === undefined ? undefined : text),
};
