import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // vitest.real.config.ts and vitest.install.config.ts run these.
    exclude: ["test/real/**", "test/install/**"],
    // Native addons and forked children need real processes; two keep a small machine responsive.
    pool: "forks",
    // Threads are programs of their own, which no bundler sees.
    execArgv: ["--import", new URL("test/support/typescript-loader.mjs", import.meta.url).href],
    maxWorkers: 2,
    // Generous: they end tests that hang, and decide nothing on a busy machine.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
