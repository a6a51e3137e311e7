import { defineConfig } from "vitest/config";

/** `npm run test:install`: the packages for the registry as users install them. Needs a registry. */
export default defineConfig({
  test: {
    include: ["test/install/**/*.test.ts"],
    globalSetup: ["test/install/support/setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Generous: they end tests that hang, and decide nothing on a busy machine.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
