import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { failuresOf } from "../../web/src/dashboard/failures.js";
import { languagesOf, speakersOf } from "../../web/src/dashboard/heard.js";
import * as measure from "../../web/src/dashboard/series.js";
import { Metrics } from "../../web/src/server/metrics.js";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { postJob, startJobs } from "../support/jobs.js";
import { CALL, drop, startDemo, violations } from "./pages.js";

/** As a server has them that has done much. */
const TEXT = `
# HELP agora_requests_total Calls that ended, by method and outcome.
# TYPE agora_requests_total counter
agora_requests_total{method="POST /v1/jobs",outcome="OK"} 1200
agora_requests_total{method="POST /v1/jobs",outcome="QUEUE_FULL"} 30
agora_requests_total{method="POST /asr",outcome="CANCELLED"} 12
agora_requests_total{method="POST /asr",outcome="DECODE_FAILED"} 4
agora_requests_total{method="transcription.v2.TranscriptionService/Transcribe",outcome="MADE_UP"} 1
agora_job_failures_total{code="DECODE_FAILED"} 41
agora_request_duration_seconds_sum{method="POST /v1/jobs"} 615
agora_request_duration_seconds_count{method="POST /v1/jobs"} 1230
agora_transcriptions_total{language="ru"} 900
agora_transcriptions_total{language="en"} 100
agora_transcriptions_total{language="none"} 7
agora_language_probability_sum{language="ru"} 392
agora_language_probability_count{language="ru"} 400
agora_recording_speakers_bucket{le="0"} 0
agora_recording_speakers_bucket{le="1"} 10
agora_recording_speakers_bucket{le="2"} 800
agora_recording_speakers_bucket{le="3"} 800
agora_recording_speakers_bucket{le="4"} 801
agora_recording_speakers_bucket{le="5"} 801
agora_recording_speakers_bucket{le="8"} 803
agora_recording_speakers_bucket{le="+Inf"} 804
agora_audio_seconds_total 3000
agora_queue_length{stage="worker"} 2
agora_jobs{status="queued"} 3
agora_jobs{status="running"} 1
agora_info{version="1.2.3",implementation="whisper",model="a-model",device="cpu"} 1
process_start_time_seconds 1790000000
process_resident_memory_bytes 524288000
`;

describe("what the page reads of the server's metrics", () => {
  const now = new Metrics(TEXT, 10_000);

  it("are languages, each with how sure it was where it was detected", () => {
    expect(languagesOf(now)).toEqual([
      { code: "ru", recordings: 900, probability: 0.98 },
      { code: "en", recordings: 100, probability: undefined },
      { code: "none", recordings: 7, probability: undefined },
    ]);
  });

  it("are recordings by how many speak in them", () => {
    expect(speakersOf(now)).toEqual([
      { from: 1, to: 1, recordings: 10 },
      { from: 2, to: 2, recordings: 790 },
      { from: 4, to: 4, recordings: 1 },
      { from: 6, to: 8, recordings: 2 },
      { from: 9, to: undefined, recordings: 1 },
    ]);
    expect(speakersOf(new Metrics("", 0))).toEqual([]);
  });

  it("are failures of requests and of jobs, by kind, and nobody's who left", () => {
    expect(failuresOf(now)).toEqual([
      ["DECODE_FAILED", 45],
      ["QUEUE_FULL", 30],
      ["MADE_UP", 1],
    ]);
  });

  it("are numbers over time, of a server that was started anew as well", () => {
    const at = (seconds: number, audio: number, worked: number, requests: number) =>
      new Metrics(
        `agora_audio_seconds_total ${audio}\nagora_processing_seconds_sum ${worked}\nagora_requests_total ${requests}`,
        1000 * seconds,
      );
    // An hour that takes twenty minutes ends once; two minutes later the server is started anew.
    const history = [
      at(0, 0, 0, 5),
      at(2, 3600, 1200, 6),
      at(62, 3600, 1200, 6),
      at(64, 3600, 1200, 6),
      at(66, 20, 4, 1),
    ];
    const values = (of: measure.Measure) => measure.seriesOf(history, of).map(({ value }) => value);
    expect(values(measure.speed)).toEqual([3, 0, 0, 5]);
    expect(values(measure.requests)).toEqual([1, 0, 0, 1]);
    expect(measure.failures(now, new Metrics("agora_jobs_total 1", 8000))).toBe(76);
    expect(measure.waiting(now, now)).toBe(5);
  });
});

describeInBrowser("the dashboard", () => {
  useBrowser();
  const open = (page: Page) => page.locator(".tabs a").nth(2).click();

  it("shows what was heard in it, and what went wrong", async () => {
    const url = await startDemo();
    await postJob(url, {}, { recording: Buffer.from("no sound at all") });
    const { complaints, page } = await openPage(url);
    await drop(page, CALL);
    await page.locator(".state.succeeded").waitFor();
    await open(page);
    const panel = (name: string) => page.getByRole("region", { name, exact: true }).getByRole("row");
    await panel("Languages")
      .getByText(/^Russian \d+ % sure$/)
      .waitFor();
    expect(await panel("Languages").allInnerTexts()).toEqual([expect.stringMatching(/^Russian .*\t1$/s)]);
    expect(await panel("Speakers").allInnerTexts()).toEqual([expect.stringMatching(/^2 speakers\s+1$/)]);
    expect(await panel("Errors").allInnerTexts()).toEqual([
      expect.stringMatching(/^Not sound or video UNSUPPORTED_FORMAT\s+1$/),
    ]);
    await page.getByRole("row", { name: "POST /v1/jobs" }).waitFor();
    expect(complaints).toEqual([]);
  });

  it("says so where there is nothing yet", async () => {
    const { url } = await startJobs();
    const { page } = await openPage(url);
    await open(page);
    for (const said of ["Nothing has been transcribed yet.", "None."]) await page.getByText(said).waitFor();
  });

  it("is whole in either language, on a telephone and a wide screen, for who sees little", async () => {
    const { url } = await startJobs();
    const { complaints, page } = await openPage(url, { locale: "ru-RU", bypassCSP: true });
    await page.route("**/metrics", (route) => route.fulfill({ contentType: "text/plain", body: TEXT }));
    await open(page);
    const rows = async (name: string) =>
      (await page.getByRole("region", { name, exact: true }).getByRole("row").allInnerTexts()).map((text) =>
        text.replace(/\s+/g, " "),
      );
    await page.getByRole("rowheader", { name: "русский" }).waitFor();
    expect(await rows("Языки")).toEqual([
      "русский уверенность 98 % 900",
      "английский 100",
      "Никто не говорит 7",
    ]);
    expect(await rows("Голоса")).toEqual([
      "1 голос 10",
      "2 голоса 790",
      "4 голоса 1",
      "от 6 до 8 голосов 2",
      "9 голосов и больше 1",
    ]);
    expect(await rows("Ошибки")).toEqual([
      "Повреждённая запись DECODE_FAILED 45",
      "Слишком много работы QUEUE_FULL 30",
      "MADE_UP 1",
    ]);
    // The newest of what charts show, once there are two.
    await page.locator(".chart polyline").first().waitFor({ state: "attached" });
    for (const [width, colorScheme] of [
      [360, "light"],
      [1440, "dark"],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await violations(page), `${width}`).toEqual([]);
    }
    expect(complaints).toEqual([]);
  });

  it("keeps what its charts show while another tab is looked at", async () => {
    const { url } = await startJobs();
    const { page } = await openPage(url);
    await open(page);
    await page.locator(".chart polyline").first().waitFor({ state: "attached" });
    await page.getByRole("link", { name: "Models" }).click();
    await page.locator(".models").waitFor();
    await open(page);
    // At once: two looks are two seconds apart.
    expect(await page.locator(".chart polyline").count()).toBeGreaterThan(0);
  });
});
