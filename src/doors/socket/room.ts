import { TranscriptionError } from "../../index.js";
import { Unavailable } from "../../service/call/call.js";
import type { Service } from "../../service/service.js";
import { variableOf } from "../../service/settings.js";

/** Whether there is room for another connection of a door. */
export class Room {
  readonly #service: Service;
  #phase: "loading" | "serving" | "closing" = "loading";

  constructor(service: Service) {
    this.#service = service;
  }

  /** Connections are let in from now on. */
  open(): void {
    if (this.#phase === "loading") this.#phase = "serving";
  }

  /** None are from now on. */
  close(): void {
    this.#phase = "closing";
  }

  /** @throws Unavailable, TranscriptionError QUEUE_FULL */
  check(): void {
    if (this.#phase === "loading") throw new Unavailable("The model is being loaded");
    if (this.#phase === "closing") throw new Unavailable("The server is shutting down");
    const { calls, settings } = this.#service;
    if (calls.size < settings.maxCalls) return;
    const message = `${calls.size} calls are open, the most that ${variableOf("maxCalls")} allows`;
    throw new TranscriptionError("QUEUE_FULL", message);
  }
}
