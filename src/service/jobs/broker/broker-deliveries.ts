import type { Delivery, DeliveryStore } from "../store.js";
import { changeRecord } from "./change.js";
import type { Ledger } from "./ledger.js";

/** Milliseconds for which one server has a webhook for itself: longer than it waits for an answer. */
const LEASE = 30_000;

/** Webhooks of jobs in a ledger. Of the servers that look for what is due, one is given each. */
export class BrokerDeliveries implements DeliveryStore {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Each is this server's alone from then on, so no more than can be sent at once are taken from the others. */
  async due(now: number, limit: number): Promise<Delivery[]> {
    const due: Delivery[] = [];
    for (let before = -1; due.length < limit && due.length > before; ) {
      before = due.length;
      // Others took some of those: there may be more.
      due.push(...(await this.#lease(now, limit - due.length)));
    }
    return due;
  }

  async #lease(now: number, limit: number): Promise<Delivery[]> {
    const due: Delivery[] = [];
    for (const id of await this.#ledger.due(now, limit)) {
      const record = await this.#ledger.get(id);
      if (record?.deliverAt === undefined || record.deliverAt > now) continue;
      // Whoever is slower finds that it is not due any more.
      if (!(await this.#ledger.replace({ ...record, deliverAt: now + LEASE }))) continue;
      const { delivery, finishedAt, metadata, status, webhook } = record.job;
      due.push({
        jobId: id,
        webhookId: `msg_${id.slice("job_".length)}`,
        webhook: webhook!,
        status,
        finishedAt: finishedAt ?? now,
        metadata,
        attempts: delivery?.attempts ?? 0,
      });
    }
    return due;
  }

  next(now: number): Promise<number | undefined> {
    return this.#ledger.nextDue(now);
  }

  async settle(id: string, isDelivered: boolean, retryAt: number | undefined): Promise<void> {
    const status = isDelivered ? "delivered" : retryAt === undefined ? "failed" : "pending";
    await changeRecord(this.#ledger, id, (record) => ({
      ...record,
      deliverAt: retryAt,
      job: {
        ...record.job,
        delivery: { status, attempts: (record.job.delivery?.attempts ?? 0) + 1 },
      },
    }));
  }
}
