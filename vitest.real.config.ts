import { defineConfig } from "vitest/config";

/** `npm run test:real`: what needs real Whisper weights and recordings, which are not in the repository. */
export default defineConfig({
  test: {
    include: ["test/real/**/*.test.ts"],
    globalSetup: ["test/support/real-whisper-setup.ts"],
    pool: "forks",
    // Each file keeps every core busy by itself.
    maxWorkers: 1,
    // Generous: they end tests that hang, and decide nothing on a busy machine.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
