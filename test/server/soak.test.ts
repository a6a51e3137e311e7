import { expect, it, onTestFinished } from "vitest";
import { startServerProcess } from "../../bench/support/server-process.js";
import { shortFiles } from "../../bench/support/short-files.js";
import { runSoak } from "../../bench/support/soak-run.js";

/** Short enough for the test suite; `npm run bench:soak` goes on for 20 minutes, and looks at memory too. */
const SECONDS = 8;

it("survives disorder, and keeps nothing of it", async () => {
  const server = await startServerProcess({ SERVER_IDLE_TIMEOUT: "2", SERVER_HTTP: "true" });
  onTestFinished(() => {
    server.kill();
  });
  const { port, httpPort, metricsPort, pid } = server;
  const files = shortFiles().slice(0, 4);
  const report = await runSoak({
    port,
    httpPort,
    metricsPort,
    pid,
    seconds: SECONDS,
    lanes: 12,
    seed: 7,
    files,
  });
  expect(report.calls).toBeGreaterThan(20);
  for (const door of ["grpc", "http"])
    expect(Object.keys(report.endings).some((ending) => ending.startsWith(door))).toBe(true);
  expect(report.wrong).toEqual([]);
  expect(report.misled).toEqual([]);
  expect(report.unanswered).toBe(0);
  expect(Object.entries(report.left).filter(([, value]) => value !== 0)).toEqual([]);
  expect(report.decoders).toBe(0);
  expect(report.after.openFiles).toBeLessThanOrEqual(report.before.openFiles + 4);
  expect(server.log.filter((line) => line.includes(" - ERROR - "))).toEqual([]);
  expect(await server.stop()).toBe(0);
});
