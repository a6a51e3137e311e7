import type { SystemInfo } from "../index.js";
import type { CliContext } from "./context.js";
import { EXIT } from "./exit.js";
import type { JsonFlag } from "./models.js";
import { table } from "./table.js";
import type { Terminal } from "./terminal.js";
import { formatBytes } from "./units.js";

/** `agora-transcribe doctor`: what was found and chosen, and what to do about what is missing. */
export async function doctor(flags: JsonFlag, { api }: CliContext, terminal: Terminal): Promise<number> {
  const info = await api.getSystemInfo();
  const problems = problemsOf(info);
  await terminal.print(
    flags.json ? `${JSON.stringify({ ...info, problems }, null, 2)}\n` : report(info, problems),
  );
  return problems.length === 0 ? EXIT.ok : EXIT.failed;
}

/** What keeps this machine from transcribing, each with its remedy. */
export function problemsOf({ addon, variants, ffmpeg, devices }: SystemInfo): string[] {
  const problems: string[] = [];
  if (addon.error !== undefined) {
    problems.push(addon.error);
  } else if (!variants.some((variant) => variant.chosen)) {
    problems.push(
      "No CPU variant of the engine runs on this machine.\n" +
        "A build for this machine: npx agora-transcribe build",
    );
  } else if (!devices.some((device) => device.usable)) {
    problems.push("No device can be used; the reasons are above.");
  }
  if (ffmpeg.error !== undefined) problems.push(ffmpeg.error);
  else if (ffmpeg.path === undefined) problems.push("FFmpeg was not found; install it.");
  return problems;
}

function report(info: SystemInfo, problems: readonly string[]): string {
  const { cpu, addon, variants, devices, ffmpeg, cache, defaultModel, diarization } = info;
  const quota = cpu.quota === undefined ? "" : `, a quota grants the time of ${Number(cpu.quota.toFixed(2))}`;
  const facts: [string, string][] = [
    ["Version", `${info.version}, Node.js ${info.node}, ${info.platform} ${info.arch}`],
    ["CPU", `${cpu.model}, ${cpu.available} of ${cpu.cores} cores${quota}`],
    ["Addon", addon.path ?? "not loaded"],
    ...labelled("Variants", variants.map(variantLine)),
    ...labelled("Devices", devices.map(deviceLine)),
    [
      "FFmpeg",
      ffmpeg.path === undefined ? "not found" : `${ffmpeg.version ?? "unknown version"}, ${ffmpeg.path}`,
    ],
    ["Cache", cache.directory],
    ...labelled(
      "Models",
      cache.models.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`),
    ),
    [
      "Default",
      `${defaultModel.name}${defaultModel.available ? "" : " (not cached; downloaded when first used)"}`,
    ],
    [
      "Speakers",
      diarization.length > 0 ? diarization.join(", ") : "nemotron (not cached; downloaded when first used)",
    ],
  ];
  const verdict = problems.length === 0 ? "Everything needed is here." : problems.join("\n\n");
  return `${table(facts)}\n${verdict}\n`;
}

function variantLine({ name, score, supported, chosen }: SystemInfo["variants"][number]): string {
  if (!supported) return `${name}: not for this CPU`;
  return chosen ? `${name}: chosen, the highest score (${score})` : `${name}: score ${score}`;
}

function deviceLine(device: SystemInfo["devices"][number]): string {
  const { kind, name, usable, reason, memoryFree, memoryTotal } = device;
  const memory =
    memoryTotal === undefined ? "" : `, ${formatBytes(memoryFree ?? 0)} of ${formatBytes(memoryTotal)} free`;
  return `${kind}: ${name}${memory}${usable ? "" : `: cannot be used${reason ? `, ${reason}` : ""}`}`;
}

/** One row per line, the label in the first only. */
function labelled(label: string, lines: readonly string[]): [string, string][] {
  if (lines.length === 0) return [[label, "none"]];
  return lines.map((line, index) => [index === 0 ? label : "", line]);
}
