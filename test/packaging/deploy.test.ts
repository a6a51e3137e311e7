import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/service/read-settings.js";
import { hasYaml, parseYaml } from "../support/yaml.js";

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
/** What can be set, that which is only shown as a comment too. */
const SETTINGS = parseEnv(file(".env.example").replace(/^# ([A-Z_]+=)/gm, "$1"));
const TOKEN = { SERVER_API_TOKEN: "correct-horse-battery" };
// biome-ignore lint/suspicious/noExplicitAny: manifests are of many kinds
type Manifest = any;

describe.skipIf(!hasYaml)("deploy/kubernetes.yaml (needs python3-yaml)", () => {
  const manifests = hasYaml ? parseYaml(file("deploy/kubernetes.yaml")) : [];
  const kind = (name: string): Manifest => manifests.find((manifest) => manifest.kind === name);
  const pod = () => kind("Deployment").spec.template.spec;
  const container = () => pod().containers[0];

  it("has what several replicas need, all about one another", () => {
    expect(manifests.map((manifest) => manifest.kind).sort()).toEqual([
      "ConfigMap",
      "Deployment",
      "HorizontalPodAutoscaler",
      "PodDisruptionBudget",
      "Service",
    ]);
    const labels = kind("Deployment").spec.template.metadata.labels;
    expect(kind("Service").spec).toMatchObject({ clusterIP: "None", selector: labels });
    expect(kind("Deployment").spec.selector.matchLabels).toEqual(labels);
    expect(kind("PodDisruptionBudget").spec.selector.matchLabels).toEqual(labels);
    expect(kind("HorizontalPodAutoscaler").spec.scaleTargetRef.name).toBe(kind("Deployment").metadata.name);
    expect(container().envFrom[0].configMapRef.name).toBe(kind("ConfigMap").metadata.name);
  });

  it("sets what the server can be set to", () => {
    const { data } = kind("ConfigMap");
    for (const name of [...Object.keys(data), ...container().env.map((entry: Manifest) => entry.name)])
      expect(SETTINGS).toHaveProperty(name);
    const settings = readSettings({ ...data, ...TOKEN });
    const ports = Object.fromEntries(
      container().ports.map((port: Manifest) => [port.name, port.containerPort]),
    );
    expect(ports).toEqual({
      grpc: settings.port,
      openai: settings.httpPort,
      http: settings.metricsPort,
    });
    const used = container().volumeMounts.map((mount: Manifest) => mount.name);
    expect(pod().volumes.map((volume: Manifest) => volume.name)).toEqual(used);
  });

  it("keeps uploads within their volume, and probes that TLS does not stop", () => {
    const { maxDiskBytes } = readSettings({ ...kind("ConfigMap").data, ...TOKEN });
    const uploads = pod().volumes.find(({ name }: Manifest) => name === "uploads");
    const [, gibibytes] = /^(\d+)Gi$/.exec(uploads.emptyDir.sizeLimit)!;
    expect(maxDiskBytes).toBeLessThan(0.9 * Number(gibibytes) * 1024 ** 3);
    for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"])
      expect(container()[probe].httpGet.port).toBe("http");
  });

  it("does not start without a token", () => {
    expect(container().envFrom[1].secretRef).toEqual({ name: "agora-transcribe" });
    expect(() => readSettings(kind("ConfigMap").data)).toThrow(/SERVER_API_TOKEN: expected a token/);
  });

  it("waits for longer than the server does", () => {
    const { shutdownGrace } = readSettings({ ...kind("ConfigMap").data, ...TOKEN });
    const [, preStop] = container().lifecycle.preStop.exec.command;
    expect(pod().terminationGracePeriodSeconds).toBeGreaterThan(shutdownGrace + Number(preStop));
  });
});

describe("deploy/Dockerfile", () => {
  const text = file("deploy/Dockerfile").replace(/\\\n/g, " ");
  const ignored = file("deploy/Dockerfile.dockerignore").split("\n").filter(Boolean);

  it("copies what is there, and is not ignored", () => {
    const sources = [...text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, list]) =>
      list!.split(/\s+/),
    );
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) {
      expect(existsSync(new URL(`../../${source}`, import.meta.url)), source).toBe(true);
      expect(ignored).not.toContain(source);
    }
  });

  it("sets what the server can be set to, and shows its ports", () => {
    const [, variables] = /^ENV (NODE_ENV.*)$/m.exec(text)!;
    const environment = Object.fromEntries(
      variables!
        .trim()
        .split(/\s+/)
        .map((pair) => pair.split("=")),
    );
    const { port, httpPort, metricsPort } = readSettings(environment);
    expect(/^EXPOSE (.*)$/m.exec(text)![1]).toBe(`${port} ${httpPort} ${metricsPort}`);
  });
});

describe("deploy/agora-transcribe.service", () => {
  it("waits for longer than the server does", () => {
    const [, patience] = /^TimeoutStopSec=(\d+)$/m.exec(file("deploy/agora-transcribe.service"))!;
    expect(Number(patience)).toBeGreaterThan(readSettings({}).shutdownGrace);
  });
});
