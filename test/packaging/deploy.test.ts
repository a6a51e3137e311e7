import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/service/read-settings.js";
import { hasYaml, type Manifest, parseYaml } from "../support/yaml.js";

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
/** What can be set, that which is only shown as a comment too. */
const SETTINGS = parseEnv(file(".env.example").replace(/^# ([A-Z_]+=)/gm, "$1"));
const TOKEN = { SERVER_API_TOKEN: "correct-horse-battery" };
const hasAnalyze =
  Number(
    /^systemd (\d+)/.exec(
      spawnSync("systemd-analyze", ["--version"], { encoding: "utf8" }).stdout ?? "",
    )?.[1],
  ) >= 250;

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
      "NetworkPolicy",
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

  it("lets clients to the ports that ask for a token, and Prometheus alone to that of metrics", () => {
    const { podSelector, ingress } = kind("NetworkPolicy").spec;
    expect(podSelector).toEqual(kind("Deployment").spec.selector);
    const named = (rule: Manifest) => rule.ports.map(({ port }: Manifest) => port);
    expect(ingress.map(named)).toEqual([["grpc", "openai"], ["http"]]);
    expect(ingress[1].from).toEqual([
      { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } },
    ]);
    expect(readSettings({ ...kind("ConfigMap").data, ...TOKEN }).metricsHost).toBe("[::]");
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

describe("deploy/agora-transcribe.service", () => {
  it.skipIf(!hasAnalyze)("leaves little exposed (needs systemd-analyze 250)", () => {
    const unit = new URL("../../deploy/agora-transcribe.service", import.meta.url).pathname;
    const args = ["security", "--offline=true", "--threshold=15", "--no-pager", unit];
    const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    // Of 10; what is left is the network, which it is there for, and memory that V8 compiles into.
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout)!;
    expect(Number(exposure)).toBeLessThanOrEqual(1.5);
    expect(status).toBe(0);
  });

  it("waits for longer than the server does", () => {
    const [, patience] = /^TimeoutStopSec=(\d+)$/m.exec(file("deploy/agora-transcribe.service"))!;
    expect(Number(patience)).toBeGreaterThan(readSettings({}).shutdownGrace);
  });
});
