import { expect, it } from "vitest";
import { DETAILS_KEY } from "../../src/doors/grpc/status-details.js";
import { MEANINGS, type Reason, statusFor } from "../../src/doors/grpc/statuses.js";
import { decodeStatus } from "../support/decode-status.js";

const REASONS = Object.keys(MEANINGS) as Reason[];

it.each(REASONS)("%s tells in details and in metadata whether and when to try again", (reason) => {
  const { code, metadata } = statusFor(reason, "why", "id", 2.5);
  const { retry, status } = MEANINGS[reason];
  expect(code).toBe(status);
  const details = decodeStatus(metadata.get(DETAILS_KEY)[0] as Buffer);
  expect(details).toMatchObject({ code, reason, metadata: { request_id: "id" } });
  expect(details.retryAfter).toBe(retry ? 2.5 : undefined);
  expect(metadata.get("grpc-retry-pushback-ms")).toEqual([retry ? "2500" : "-1"]);
});
