import pg from "pg";
import { expect, it } from "vitest";
import { heardClient } from "../../src/service/jobs/broker/broker.js";

it("a connection that a database ends while it is lent out ends no process", () => {
  const Client = heardClient(pg);
  expect(() => new pg.Client().emit("error", new Error("gone"))).toThrow("gone");
  expect(() => new Client().emit("error", new Error("gone"))).not.toThrow();
});
