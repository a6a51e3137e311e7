import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { HEALTH_SERVICE, loadDefinitions, serviceIn, V1_SERVICE } from "../../src/doors/grpc/definitions.js";
import { missing, Project } from "./support/project.js";

/** `agora-transcribe serve` of an installed package; its ports when it is ready. */
async function serve(project: Project): Promise<{ grpc: number; http: number }> {
  const program = "node_modules/.bin/agora-transcribe";
  const doors = ["--port", "0", "--host", "127.0.0.1", "--http-port", "0", "--implementation", "whisper"];
  const server = spawn(program, ["serve", "--model", "demo", ...doors], { cwd: project.folder });
  onTestFinished(() => void server.kill("SIGKILL"));
  let log = "";
  return new Promise((resolve, reject) => {
    server.on("close", () => reject(new Error(log)));
    for (const stream of [server.stdout, server.stderr]) {
      stream.on("data", (data) => {
        log += data;
        const [, grpc, http] = /listens on \S+, port (\d+), and http:\S+:(\d+),/.exec(log) ?? [];
        if (log.includes("Serving with")) resolve({ grpc: Number(grpc), http: Number(http) });
      });
    }
  });
}

function call(
  port: number,
  service: string,
  method: string,
  message: object,
): Promise<Record<string, unknown>> {
  const definition = serviceIn(loadDefinitions(), service)[method]!;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const { path: name, requestSerialize, responseDeserialize } = definition;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(name, requestSerialize, responseDeserialize, message, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

describe.skipIf(missing !== undefined)("the server of an installed package", () => {
  it("answers over gRPC and HTTP, and has its page", async () => {
    const project = new Project();
    expect(project.install("npm")).toMatchObject({ code: 0 });
    const { grpc, http } = await serve(project);
    const sample = readFileSync(
      path.join(project.folder, "node_modules/agora-transcribe-demo/samples/sales-call-en.wav"),
    );
    expect(await call(grpc, HEALTH_SERVICE, "Check", { service: "" })).toMatchObject({ status: "SERVING" });
    const answer = await call(grpc, V1_SERVICE, "TranscribeAudio", {
      filename: "call.wav",
      audio_data: sample,
    });
    expect(JSON.stringify(answer)).toContain("My phone number is two eight nine two six");

    const form = new FormData();
    form.set("file", new Blob([sample]), "call.wav");
    form.set("model", "demo");
    const response = await fetch(`http://127.0.0.1:${http}/v1/audio/transcriptions`, {
      method: "POST",
      body: form,
    });
    expect(await response.json()).toMatchObject({ text: expect.stringContaining("My phone number is two") });
    expect(await (await fetch(`http://127.0.0.1:${http}/`)).text()).toContain("<script");
  });
});
