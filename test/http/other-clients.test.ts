import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { FormData, request } from "undici";
import { describe, expect, it } from "vitest";
import { eventsOf, startHttp } from "../support/http-server.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const PATH = "/v1/audio/transcriptions";
/** A name that is no ASCII, and that a form has to write otherwise. */
const NAME = "Звонок «1».wav";
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

/** What curl prints. */
const curl = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)("curl", ["--silent", "--show-error", "--max-time", "30", ...args])).stdout;

describe.skipIf(!hasCurl)("curl (which is not installed where this is skipped)", () => {
  it("sends a form, whose body it asks leave for where it is large, and gets the text", async () => {
    const { lines, url } = await startHttp();
    const file = join(await temporaryFolder(), NAME);
    await writeFile(file, RECORDING);
    expect(await curl(`${url}${PATH}`, "-F", "model=whisper-1", "-F", `file=@${file}`)).toMatch(/"text":"1"/);
    expect(lines.join("")).toContain(NAME);
    const fields = ["-F", `file=@${file}`, "-F", "response_format=srt", "-F", "model=whisper-1"];
    const asking = ["-H", "expect: 100-continue", "--expect100-timeout", "30"];
    expect(await curl(...asking, `${url}${PATH}`, ...fields)).toMatch(/^1\n[\d:,]+ --> [\d:,]+\n1\n/);
    // From a pipe, whose length it does not know.
    const chunked = ["-H", "transfer-encoding: chunked", "-F", "stream=true"];
    const events = eventsOf(await curl("-N", `${url}${PATH}`, ...chunked, "-F", `file=@${file}`));
    expect(events.at(-1)!.data).toMatchObject({ type: "transcript.text.done", text: "1" });
  });

  it("sends a recording as it is, and gets it back in parts", async () => {
    const folder = await temporaryFolder();
    const { url } = await startHttp({ settings: { recordingsStore: join(folder, "recordings") } });
    const file = join(folder, "a.wav");
    await writeFile(file, RECORDING);
    const kept = JSON.parse(
      await curl(
        `${url}/api/recordings?filename=a.wav`,
        "-H",
        "content-type: audio/wav",
        "--data-binary",
        `@${file}`,
      ),
    );
    expect(kept).toMatchObject({ filename: "a.wav", bytes: RECORDING.length });
    const audio = `${url}/api/recordings/${kept.id}/audio`;
    expect(await curl("-r", "0-3", audio)).toBe("RIFF");
    const head = await curl("-I", audio);
    expect(head).toMatch(/^HTTP\/1.1 200/);
    expect(head).toMatch(new RegExp(`^content-length: ${RECORDING.length}\\r$`, "m"));
  });

  it("is told why it is refused before it has sent its file, and stops", async () => {
    const { url } = await startHttp({ settings: { maxUploadBytes: 1000 } });
    const file = join(await temporaryFolder(), "large.wav");
    await writeFile(file, Buffer.alloc(64 * 1024 ** 2));
    const [body, figures] = (
      await curl(`${url}${PATH}`, "-F", `file=@${file}`, "-w", "\n%{http_code} %{size_upload}")
    ).split("\n");
    expect(JSON.parse(body!).error.code).toBe("AUDIO_TOO_LARGE");
    const [status, sent] = figures!.split(" ").map(Number);
    expect(status).toBe(413);
    expect(sent).toBeLessThan(16 * 1024 ** 2);
  });
});

describe("undici", () => {
  it("sends a form, and a body that it makes as it goes", async () => {
    const { url } = await startHttp();
    const form = new FormData();
    form.set("file", new Blob([RECORDING as Uint8Array<ArrayBuffer>]), NAME);
    form.set("model", "whisper-1");
    const sent = await request(`${url}${PATH}`, { method: "POST", body: form });
    expect(await sent.body.json()).toMatchObject({ text: "1" });
    const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
    const body = Readable.from([Buffer.from(head), RECORDING, Buffer.from("\r\n--x--\r\n")]);
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const streamed = await request(`${url}${PATH}`, { method: "POST", headers, body });
    expect(streamed.statusCode).toBe(200);
    expect(await streamed.body.json()).toMatchObject({ text: "1" });
  });
});
