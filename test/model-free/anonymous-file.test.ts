import { readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openAnonymousFile } from "../../src/config/anonymous-file.js";
import { temporaryFolder } from "../support/temporary-folder.js";

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, open: vi.fn(actual.open) };
});

const opened = vi.mocked(open);

/** An empty folder for temporary files. */
async function emptyFolder(): Promise<string> {
  const folder = await temporaryFolder();
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}

describe("a file without a name", () => {
  it.each(["EISDIR", "EOPNOTSUPP", undefined])(
    "keeps what is written to it and is in no folder (where the system says %s to O_TMPFILE)",
    async (code) => {
      const folder = await emptyFolder();
      if (code) opened.mockRejectedValueOnce(Object.assign(new Error(code), { code }));
      const file = await openAnonymousFile();
      onTestFinished(() => file.close());
      expect(readdirSync(folder)).toEqual([]);
      await file.writeFile("what was said");
      const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0);
      expect(buffer.toString("utf8", 0, bytesRead)).toBe("what was said");
      expect((await file.stat()).mode & 0o777).toBe(0o600);
    },
  );

  it("is not made where there is no such folder, or no more may be open", async () => {
    await emptyFolder();
    opened.mockRejectedValueOnce(Object.assign(new Error("EMFILE"), { code: "EMFILE" }));
    await expect(openAnonymousFile()).rejects.toMatchObject({ code: "EMFILE" });
    vi.stubEnv("TMPDIR", "/nowhere/at/all");
    await expect(openAnonymousFile()).rejects.toMatchObject({ code: "ENOENT" });
  });
});
