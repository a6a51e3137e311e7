import { execFile, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type TranscriptionResult, transcribe } from "../../src/index.js";
import { type RunningServer, startServer } from "../../src/server/server.js";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { DEMO_WITH_VAD } from "../support/demo.js";
import { samplePath } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));
const TOOLS = fileURLToPath(new URL("../../build/tools", import.meta.url));
const CALL = samplePath("sales-call-en.wav");
const STEREO = samplePath("sales-call-en.stereo.wav");
const TOKEN = "correct-horse-battery";

/** Debian's Python, which its packages python3-grpcio and python3-grpc-tools are for. */
const PYTHON = "/usr/bin/python3";
const hasPython = spawnSync(PYTHON, ["-c", "import grpc, grpc_tools"]).status === 0;
const generators = ["protoc-gen-go", "protoc-gen-go-grpc"].map((name) => path.join(TOOLS, name));
const hasGo = hasPython && spawnSync("go", ["version"]).status === 0 && generators.every(existsSync);

let server: RunningServer;
let pages: { origin: string; close(): void };
/** What the library makes of the call. */
let direct: TranscriptionResult;

beforeAll(async () => {
  pages = await servePages();
  server = await startServer(
    {
      host: "127.0.0.1",
      port: 0,
      httpPort: 0,
      model: "demo",
      implementation: "whisper",
      httpAllowedOrigins: pages.origin,
    },
    { log: () => {} },
  );
  await server.ready;
  direct = await transcribe(CALL, DEMO_WITH_VAD);
});

afterAll(async () => {
  pages.close();
  await server.stop();
});

interface Ended {
  code: number | string | undefined;
  stdout: string;
  stderr: string;
}

async function run(program: string, args: string[], env: NodeJS.ProcessEnv, cwd?: string): Promise<Ended> {
  const options = { env: { ...process.env, ...env }, cwd, timeout: 170_000 };
  try {
    return { code: 0, ...(await promisify(execFile)(program, args, options)) };
  } catch (error) {
    return error as Ended;
  }
}

const node = (example: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
  run(process.execPath, [path.join(EXAMPLES, example), ...args], { AGORA_MODEL: "demo", ...env });

describe("examples of the library", () => {
  it("transcribe.mjs writes text and words", async () => {
    const { stdout, stderr } = await node("library/transcribe.mjs", [CALL]);
    const [text, ...words] = stdout.trim().split("\n");
    expect({ text, stderr }).toEqual({ text: direct.text, stderr: "" });
    expect(words.map((line) => line.split("\t")[3]).join(" ")).toBe(text);
  });

  it("transcribe.mjs tells what is wrong", async () => {
    const ended = await node("library/transcribe.mjs", ["missing.wav"]);
    expect(ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/^FILE_NOT_FOUND: /) });
  });

  it("folder.mjs writes subtitles of all, and tells of the one that fails", async () => {
    const folder = await temporaryFolder();
    const files = [CALL, STEREO].map((from) => path.join(folder, path.basename(from)));
    copyFileSync(CALL, files[0]!);
    copyFileSync(STEREO, files[1]!);
    const { code, stdout, stderr } = await node("library/folder.mjs", [...files, "missing.wav"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("missing.wav") });
    for (const file of files) expect(stdout).toMatch(new RegExp(`^${file}: en, \\d+ words$`, "m"));
    expect(readFileSync(`${files[0]}.srt`, "utf8")).toContain(direct.segments[0]!.text);
    expect(readdirSync(folder)).toHaveLength(4);
  });

  it("speakers.mjs tells the parties of a call apart", async () => {
    const { stdout } = await node("library/speakers.mjs", [STEREO]);
    const lines = stdout.trim().split("\n");
    expect(new Set(lines.slice(0, -2).map((line) => line.split(/[ :]/)[1]))).toHaveProperty("size", 2);
    for (const line of lines.slice(-2)) expect(line).toMatch(/^\w+ talks for \d+ s$/);
  });

  it("live.mjs writes down what comes through a pipe", async () => {
    const child = spawn(process.execPath, [path.join(EXAMPLES, "library/live.mjs")], {
      env: { ...process.env, AGORA_MODEL: "demo", SPOKEN: "en" },
      stdio: ["pipe", "pipe", "ignore"],
    });
    onTestFinished(() => void child.kill());
    child.stdin.end(readFileSync(CALL).subarray(44));
    let stdout = "";
    for await (const text of child.stdout.setEncoding("utf8")) stdout += text;
    const lines = stdout.trim().split("\n");
    expect(lines.at(-1)).toBe(`${direct.duration.toFixed(1)} s heard, ${lines.length - 1} pieces of text`);
    const spoken = lines.slice(0, -1).map((line) => line.replace(/^[\d.]+ /, ""));
    expect(wordErrorRate(direct.text, spoken.join(" ")).rate).toBeLessThan(0.1);
  });
});

describe("examples of HTTP", () => {
  const address = () => `http://localhost:${server.httpPort}`;

  it("curl.sh gets text, subtitles, events and a job's text", async () => {
    const { stdout } = await run("bash", [path.join(EXAMPLES, "http/curl.sh"), CALL], { SERVER: address() });
    const [, text, subtitles, events, job] = stdout.split(/^== .*\n/m);
    expect(text!.trim()).toBe(direct.text);
    expect(subtitles).toMatch(/^1\n00:00:\d\d,\d{3} --> /);
    expect(events).toContain('"type":"transcript.text.done"');
    expect(job!.trim()).toBe(direct.text);
  });

  it("openai.mjs gets words, and text as it comes", async () => {
    const { stdout, stderr } = await node("http/openai.mjs", [CALL], { SERVER: address() });
    const [counted, text] = stdout.split("\n");
    expect({ counted, text, stderr }).toEqual({
      counted: `${direct.duration.toFixed(1)} s, ${direct.stats.wordCount} words`,
      text: direct.text,
      stderr: "",
    });
  });
});

describeInBrowser("the example of a page (needs Chromium)", () => {
  useBrowser();

  it("shows the text of a recording, from another origin", async () => {
    const { page, complaints } = await openPage(
      `${pages.origin}/?server=${encodeURIComponent(`http://localhost:${server.httpPort}`)}`,
    );
    await page.setInputFiles("input", CALL);
    await page.getByText("Done").waitFor();
    expect(await page.locator("#text").textContent()).toBe(direct.text);
    expect(complaints).toEqual([]);
  });
});

describe("clients of gRPC", () => {
  const address = () => `localhost:${server.port}`;
  const printed = () => {
    const lines = direct.segments.map(({ start, text }) => `${start.toFixed(2)} ${text}`);
    return `${[...lines, `en, ${direct.duration.toFixed(1)} s`].join("\n")}\n`;
  };
  const stubsIn = async (folder: string, ...options: string[]) => {
    const proto = fileURLToPath(new URL("../../proto", import.meta.url));
    const args = ["-m", "grpc_tools.protoc", `-I${proto}`, ...options, "v2/transcription.proto"];
    expect(await run(PYTHON, args, {}, folder)).toEqual({ code: 0, stdout: "", stderr: "" });
  };
  /** A server that wants another token than a client brings. */
  const closedServer = async () => {
    const closed = await startServer(
      { host: "127.0.0.1", port: 0, http: false, model: "demo", implementation: "whisper", apiToken: TOKEN },
      { log: () => {} },
    );
    onTestFinished(() => closed.stop());
    await closed.ready;
    return { SERVER: `localhost:${closed.port}`, SERVER_API_TOKEN: "another-horse-battery" };
  };
  const refused = /^(UNAUTHENTICATED|Unauthenticated): \S/;

  it("client.mjs prints segments as they come, and why a call failed", async () => {
    expect(await node("grpc/client.mjs", [CALL], { SERVER: address() })).toEqual({
      code: 0,
      stdout: printed(),
      stderr: "",
    });
    const failed = await node("grpc/client.mjs", [CALL], await closedServer());
    expect(failed).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(refused) });
  });

  it.skipIf(!hasPython)("client.py does (needs python3-grpcio and python3-grpc-tools)", async () => {
    const folder = await temporaryFolder();
    await stubsIn(folder, "--python_out=.", "--grpc_python_out=.");
    const client = (env: NodeJS.ProcessEnv) =>
      run(PYTHON, [path.join(EXAMPLES, "grpc/client.py"), CALL], { PYTHONPATH: folder, ...env });
    expect(await client({ SERVER: address() })).toEqual({ code: 0, stdout: printed(), stderr: "" });
    const failed = await client(await closedServer());
    expect(failed).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(refused) });
  });

  it.skipIf(!hasGo)("client.go does (needs Go and scripts/install-go-tools.sh)", async () => {
    const folder = await temporaryFolder();
    for (const name of ["client.go", "go.mod", "go.sum"])
      copyFileSync(path.join(EXAMPLES, "grpc", name), path.join(folder, name));
    const plugins = generators.map((file) => `--plugin=${path.basename(file)}=${file}`);
    const relative = ["--go_opt=paths=source_relative", "--go-grpc_opt=paths=source_relative"];
    await stubsIn(folder, ...plugins, "--go_out=.", "--go-grpc_out=.", ...relative);
    expect(await run("go", ["build", "-o", "client", "."], { GOFLAGS: "-mod=readonly" }, folder)).toEqual({
      code: 0,
      stdout: "",
      stderr: expect.stringMatching(/^(go: downloading .*\n)*$/),
    });
    const client = (env: NodeJS.ProcessEnv) => run(path.join(folder, "client"), [CALL], env);
    expect(await client({ SERVER: address() })).toEqual({ code: 0, stdout: printed(), stderr: "" });
    const failed = await client(await closedServer());
    expect(failed).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(refused) });
  });

  it.skipIf(!hasGo)("stubs in Go are in the package that who makes them names", async () => {
    const folder = await temporaryFolder();
    for (const name of ["go.mod", "go.sum"])
      copyFileSync(path.join(EXAMPLES, "grpc", name), path.join(folder, name));
    const plugins = generators.map((file) => `--plugin=${path.basename(file)}=${file}`);
    const named = ["module=example.com/client", "Mv2/transcription.proto=example.com/client/internal/stt"];
    const options = named.flatMap((option) => [`--go_opt=${option}`, `--go-grpc_opt=${option}`]);
    await stubsIn(folder, ...plugins, "--go_out=.", "--go-grpc_out=.", ...options);
    expect(await run("go", ["vet", "./internal/stt"], { GOFLAGS: "-mod=readonly" }, folder)).toEqual({
      code: 0,
      stdout: "",
      stderr: expect.stringMatching(/^(go: downloading .*\n)*$/),
    });
  });

  it.skipIf(!hasGo)("stubs in Go compile without a flag, by a path that names nobody's address", async () => {
    const folder = await temporaryFolder();
    const plugins = generators.map((file) => `--plugin=${path.basename(file)}=${file}`);
    await stubsIn(folder, ...plugins, "--go_out=.", "--go-grpc_out=.");
    const stubs = path.join(folder, "agora-transcribe/proto/v2");
    expect(readdirSync(stubs).sort()).toEqual(["transcription.pb.go", "transcription_grpc.pb.go"]);
  });
});

const JAR = "/usr/share/java/protobuf.jar";
/** Where protoc finds Google's own messages: it brings them, or grpc_tools does. */
const include = ["/usr/include", "/usr/lib/python3/dist-packages/grpc_tools/_proto"].find((folder) =>
  existsSync(path.join(folder, "google/protobuf/wrappers.proto")),
);
const hasProtoc = include !== undefined && spawnSync("protoc", ["--version"]).status === 0;
const hasJava = hasProtoc && existsSync(JAR) && spawnSync("javac", ["-version"]).status === 0;

describe.skipIf(!hasProtoc)("messages in Java (needs protobuf-compiler)", () => {
  const generated = async () => {
    const folder = await temporaryFolder();
    const proto = fileURLToPath(new URL("../../proto", import.meta.url));
    const args = [
      `-I${proto}`,
      `-I${include}`,
      "--java_out=.",
      "v1/transcription.proto",
      "v2/transcription.proto",
    ];
    expect(await run("protoc", args, {}, folder)).toEqual({ code: 0, stdout: "", stderr: "" });
    return folder;
  };

  it("are a file each, in a package of their contract", async () => {
    const folder = path.join(await generated(), "ai/agora/proto");
    expect(readdirSync(path.join(folder, "v1"))).toContain("TranscriptionResponse.java");
    expect(readdirSync(path.join(folder, "v2"))).toContain("TranscriptionResult.java");
  });

  it.skipIf(!hasJava)("compile (needs a JDK and libprotobuf-java)", async () => {
    const folder = await generated();
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".java"),
    );
    const args = ["-nowarn", "-cp", JAR, "-d", "classes", ...files];
    expect(await run("javac", args, {}, folder)).toMatchObject({ code: 0 });
  });
});

/** Serves the example of a page at an origin of its own. */
async function servePages(): Promise<{ origin: string; close(): void }> {
  const html = readFileSync(path.join(EXAMPLES, "http/page.html"));
  const http = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    if (pathname === "/") response.setHeader("content-type", "text/html").end(html);
    else response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}
