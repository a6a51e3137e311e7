import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { observeJobs } from "../../src/service/metrics/job-metrics.js";
import { readSettings } from "../../src/service/read-settings.js";
import { settingVariables } from "../../src/service/settings.js";
import { hasYaml, type Manifest, parseYaml } from "../support/yaml.js";

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
const VARIABLES = settingVariables();

it("deploy/Dockerfile has the packages that queues and buckets need, as they are tested here", () => {
  const { devDependencies, peerDependencies } = JSON.parse(file("package.json"));
  const [, installed] = /^RUN npm install .*--ignore-scripts (.*)$/m.exec(file("deploy/Dockerfile"))!;
  const expected = Object.keys(peerDependencies).map((name) => `${name}@${devDependencies[name]}`);
  expect(installed!.split(" ").sort()).toEqual(expected.sort());
});

describe.skipIf(!hasYaml)("deploy/compose-workers.yaml (needs python3-yaml)", () => {
  const [compose] = hasYaml ? parseYaml(file("deploy/compose-workers.yaml")) : [];
  const environmentOf = (name: string) => compose.services[name].environment as Record<string, string>;

  it("gives server and workers the same queue, store and model, and what can be set alone", () => {
    const [server, worker] = ["server", "worker"].map(environmentOf) as [
      Record<string, string>,
      Record<string, string>,
    ];
    for (const name of ["QUEUE_URL", "QUEUE_STORE", "RECORDINGS_STORE", "MODEL_NAME"])
      expect(worker[name]).toBe(server[name]);
    for (const environment of [server, worker]) {
      for (const name of Object.keys(environment)) expect(VARIABLES).toContain(name);
      const token = { SERVER_API_TOKEN: "correct-horse-battery" };
      const { shutdownGrace } = readSettings({ ...environment, ...token });
      const patience = Number.parseInt(compose.services.worker.stop_grace_period, 10);
      expect(patience).toBeGreaterThan(shutdownGrace);
    }
    expect(compose.services.worker).toMatchObject({ command: ["worker"], deploy: { replicas: 2 } });
    for (const { volumes } of [compose.services.server, compose.services.worker])
      for (const volume of volumes) {
        const [name, folder] = volume.split(":");
        expect(compose.volumes).toHaveProperty(name);
        // A volume is new with the owner that the image's folder has, which is who may write there.
        expect(file("deploy/Dockerfile")).toMatch(new RegExp(`install -d -o node -g node .*${folder}\\b`));
      }
  });

  it("has a queue that forgets nothing", () => {
    expect(compose.services.redis.command.join(" ")).toContain(
      "--appendonly yes --maxmemory-policy noeviction",
    );
  });
});

describe.skipIf(!hasYaml)("deploy/kubernetes-workers.yaml (needs python3-yaml)", () => {
  const manifests = hasYaml ? parseYaml(file("deploy/kubernetes-workers.yaml")) : [];
  const kind = (name: string): Manifest => manifests.find((manifest: Manifest) => manifest.kind === name);
  const QUEUE = { QUEUE_URL: "redis://redis" };

  it("has workers, what scales them, and settings that there are", () => {
    const { data } = kind("ConfigMap");
    for (const name of Object.keys(data)) expect(VARIABLES).toContain(name);
    const { jobsMaxRunning, metricsPort, shutdownGrace } = readSettings({ ...data, ...QUEUE });
    const { containers, terminationGracePeriodSeconds, volumes } = kind("Deployment").spec.template.spec;
    const [{ args, ports, volumeMounts }] = containers;
    expect(args).toEqual(["worker"]);
    expect(ports).toEqual([{ name: "http", containerPort: metricsPort }]);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(shutdownGrace);
    expect(volumes.map(({ name }: Manifest) => name)).toEqual(volumeMounts.map(({ name }: Manifest) => name));
    expect(kind("ScaledObject").spec.scaleTargetRef.name).toBe(kind("Deployment").metadata.name);
    expect(kind("ScaledObject").spec.triggers[1].metadata.targetValue).toBe(String(jobsMaxRunning));
  });

  it("scales by gauges that the server has", async () => {
    const registry = new Registry();
    const tally = { queued: 3, running: 2, succeeded: 0, failed: 0, cancelled: 0 };
    observeJobs(registry, async () => ({
      jobs: tally,
      waitingBytes: 8000,
      secondsPerByte: undefined,
      oldestWaiting: undefined,
    }));
    const lines = (await registry.metrics()).split("\n");
    const values = kind("ScaledObject").spec.triggers.map(({ metadata }: Manifest) => {
      expect(metadata).toMatchObject({ format: "prometheus", url: expect.stringMatching(/:9464\/metrics$/) });
      return lines
        .filter((line) => line.startsWith(`${metadata.valueLocation} `))
        .map((line) => Number(line.split(" ")[1]));
    });
    expect(values).toEqual([[1], [2]]);
  });
});
