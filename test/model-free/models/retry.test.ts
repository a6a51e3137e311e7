import { expect, test } from "vitest";
import { DEFAULT_RETRY_POLICY, retryDelay } from "../../../src/models/retry.js";

const policy = { ...DEFAULT_RETRY_POLICY, firstDelay: 1, maxDelay: 10 };

test("each wait is twice the one before, up to the longest", () => {
  expect([1, 2, 3, 4, 5, 50].map((failures) => retryDelay(policy, failures, 0, 1))).toEqual([
    1, 2, 4, 8, 10, 10,
  ]);
});

test("half of a wait is random", () => {
  expect(retryDelay(policy, 3, 0, 0)).toBe(2);
  expect(retryDelay(policy, 3, 0, 0.5)).toBe(3);
});

test("a server's wish counts when it is longer, up to the longest wait", () => {
  expect(retryDelay(policy, 1, 5, 1)).toBe(5);
  expect(retryDelay(policy, 4, 5, 1)).toBe(8);
  expect(retryDelay(policy, 1, 3600, 1)).toBe(10);
});
