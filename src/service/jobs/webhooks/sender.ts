import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Logger } from "../../log.js";
import { type ServerSettings, variableOf } from "../../settings.js";
import { LONGEST_TIMER } from "../../timers.js";
import type { Delivery, DeliveryStore } from "../store.js";
import { WebhookSecrets } from "./signature.js";
import { WebhookTargets } from "./targets.js";

/** Milliseconds that a receiver has for its answer. */
const PATIENCE = 10_000;
/** Milliseconds to the next try, after each that failed; the last one again and again. */
const RETRY_AFTER = [5000, 60_000, 5 * 60_000, 30 * 60_000, 2 * 3_600_000, 4 * 3_600_000];
/** Share by which they differ: receivers that were away are not called all at once. */
const JITTER = 0.1;
/** Milliseconds since the end of a job after which nobody is told any more. */
const GIVE_UP = 24 * 3_600_000;
/** Webhooks on their way at once. */
const AT_ONCE = 16;
/** Milliseconds before another look where the store had no answer. */
const LOOK_AGAIN = 1000;
/** Bytes that are read of an answer that nobody looks at. */
const LONGEST_ANSWER = 16_384;

export interface SenderOptions {
  store: DeliveryStore;
  settings: () => ServerSettings;
  log: Logger;
  /** Called with what came of each try. */
  onTried: (outcome: "delivered" | "retried" | "failed") => void;
  /** Milliseconds to the next try, in place of the usual. */
  retryAfter?: readonly number[];
}

type Answer = { status: number } | { problem: string };

/** Tells receivers of jobs that have ended, again and again until they have heard or a day is over. */
export class WebhookSender {
  readonly #options: SenderOptions;
  readonly #closing = new AbortController();
  readonly #sending = new Map<string, Promise<void>>();
  /** What was settled since the store was asked for what is due, and may be among that. */
  readonly #settled = new Set<string>();
  #looking = false;
  #lookAgain = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Looks now: a job has ended, or it is time. */
  wake(): void {
    if (this.#closing.signal.aborted) return;
    this.#lookAgain = true;
    if (!this.#looking) void this.#look();
  }

  /** What is on its way is sent again after the next start. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await Promise.all(this.#sending.values());
  }

  async #look(): Promise<void> {
    this.#looking = true;
    clearTimeout(this.#timer);
    const { store } = this.#options;
    try {
      while (this.#lookAgain && !this.#closing.signal.aborted) {
        this.#lookAgain = false;
        this.#settled.clear();
        const now = Date.now();
        // The next one that ends looks again.
        if (this.#sending.size >= AT_ONCE) return;
        const due = await store.due(now, AT_ONCE - this.#sending.size, this.#sending.size);
        for (const delivery of due) this.#begin(delivery);
        if (this.#sending.size >= AT_ONCE) return;
        // What is due already is on its way: its end is looked after.
        const next = await store.next(now);
        if (next !== undefined) this.#lookIn(Math.max(next - Date.now(), LOOK_AGAIN / 10));
      }
    } catch {
      this.#lookIn(LOOK_AGAIN);
    } finally {
      this.#looking = false;
    }
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), Math.min(milliseconds, LONGEST_TIMER)).unref();
  }

  #begin(delivery: Delivery): void {
    const { jobId } = delivery;
    if (this.#sending.has(jobId) || this.#settled.has(jobId) || this.#sending.size >= AT_ONCE) return;
    const sending = this.#deliver(delivery).finally(() => {
      this.#settled.add(jobId);
      this.#sending.delete(jobId);
      this.wake();
    });
    this.#sending.set(jobId, sending);
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const answer = await this.#send(delivery);
    if (this.#closing.signal.aborted && "problem" in answer) return;
    const { attempts, finishedAt, jobId } = delivery;
    const { log, onTried, retryAfter = RETRY_AFTER } = this.#options;
    const isDelivered = "status" in answer && answer.status >= 200 && answer.status < 300;
    const isGone = "status" in answer && answer.status === 410;
    const pause =
      retryAfter[Math.min(attempts, retryAfter.length - 1)]! * (1 + JITTER * (2 * Math.random() - 1));
    const retryAt = Math.ceil(Date.now() + pause);
    const isOver = isDelivered || isGone || retryAt > finishedAt + GIVE_UP;
    await this.#settle(jobId, isDelivered, isOver ? undefined : retryAt);
    onTried(isDelivered ? "delivered" : isOver ? "failed" : "retried");
    const about = log.about(jobId, { method: "webhook" });
    // The rest of a receiver's address may be its secret.
    const { host } = new URL(delivery.webhook.url);
    const said = "status" in answer ? `status ${answer.status}` : answer.problem;
    if (isDelivered) about.info(`Told ${host}`);
    else if (isOver) about.warning(`Nobody is told any more at ${host}: ${said}`);
    else about.warning(`Could not tell ${host}: ${said}; trying again in ${Math.ceil(pause / 1000)} s`);
  }

  /** Says what came of one, as often as it takes: nobody is told twice for a disk that is full. */
  async #settle(jobId: string, isDelivered: boolean, retryAt: number | undefined): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        return await this.#options.store.settle(jobId, isDelivered, retryAt);
      } catch {
        await sleep(LOOK_AGAIN, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }

  /** Sends one, once. Does not throw: of what a receiver says no more is told than its status. */
  async #send({ finishedAt, jobId, metadata, status, webhook, webhookId }: Delivery): Promise<Answer> {
    const settings = this.#options.settings();
    const data = { id: jobId, status, metadata: metadata ?? null, result_url: webhook.resultUrl };
    const body = JSON.stringify({
      type: `job.${status}`,
      timestamp: new Date(finishedAt).toISOString(),
      data: status === "succeeded" ? data : { ...data, result_url: null },
    });
    const headers = new WebhookSecrets(settings).headers(webhook.secretId, webhookId, Date.now(), body);
    if (!headers) return { problem: `${variableOf("webhookSecrets")} has no ${webhook.secretId} any more` };
    const targets = new WebhookTargets(settings);
    let agent: Agent | undefined;
    try {
      // Settings may have changed since it was accepted.
      const url = targets.check(webhook.url);
      // Its own, without the environment's proxy: nothing is looked up by anybody else.
      agent = new Agent({ connect: { lookup: targets.lookupFor(url), timeout: PATIENCE } });
      const answer = await request(url, {
        method: "POST",
        headers: { "content-type": "application/json", "user-agent": "agora-transcribe", ...headers },
        body,
        dispatcher: agent,
        signal: AbortSignal.any([AbortSignal.timeout(PATIENCE), this.#closing.signal]),
      });
      // Its status is all that counts, however its body ends.
      await answer.body.dump({ limit: LONGEST_ANSWER }).catch(() => {});
      return { status: answer.statusCode };
    } catch (error) {
      return { problem: problemOf(error as Error & { code?: unknown; cause?: { code?: unknown } }) };
    } finally {
      void agent?.destroy();
    }
  }
}

function problemOf({
  cause,
  code,
  name,
  message,
}: Error & { code?: unknown; cause?: { code?: unknown } }): string {
  if (name === "TimeoutError") return `no answer within ${PATIENCE / 1000} s`;
  if (name === "TranscriptionError") return message;
  const found = cause?.code ?? code;
  if (found === "EFORBIDDEN") return "its host has a private address";
  return typeof found === "string" ? found : "no connection";
}
