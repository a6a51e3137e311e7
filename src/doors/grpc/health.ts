import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { cut } from "../../service/text.js";
import { HEALTH_SERVICE, serviceIn } from "./definitions.js";

type ServingStatus = "SERVING" | "NOT_SERVING";
interface Answer {
  status: ServingStatus | "SERVICE_UNKNOWN";
}
interface Request {
  service: string;
}

/**
 * `grpc.health.v1.Health` of services that are known from the start. Of those who watch nothing is kept after them, nor
 * of the names that they choose: no token is needed for this.
 */
export class Health {
  readonly #statuses: Map<string, ServingStatus>;
  readonly #watches = new Set<() => void>();

  /** @param names of the services, none of which serves yet; "" is the server as a whole */
  constructor(names: readonly string[]) {
    this.#statuses = new Map(names.map((name) => [name, "NOT_SERVING"]));
  }

  addTo(server: Server, definitions: PackageDefinition): void {
    server.addService(serviceIn(definitions, HEALTH_SERVICE), {
      Check: ({ request }: ServerUnaryCall<Request, Answer>, respond: sendUnaryData<Answer>) => {
        const found = this.#statuses.get(request.service);
        if (found) return respond(null, { status: found });
        const details = `No service ${cut(request.service)}`;
        respond({ code: status.NOT_FOUND, details });
      },
      Watch: (rpc: ServerWritableStream<Request, Answer>) => this.#watch(rpc),
      List: (_: unknown, respond: sendUnaryData<{ statuses: Record<string, Answer> }>) => {
        const statuses = [...this.#statuses].map(([name, found]) => [name, { status: found }]);
        respond(null, { statuses: Object.fromEntries(statuses) });
      },
    });
  }

  /** Tells that all services serve now, or that none does. */
  tell(isServing: boolean): void {
    const found = isServing ? "SERVING" : "NOT_SERVING";
    for (const name of this.#statuses.keys()) this.#statuses.set(name, found);
    for (const tell of this.#watches) tell();
  }

  #watch(rpc: ServerWritableStream<Request, Answer>): void {
    const { service } = rpc.request;
    // A service that is not known may be watched, and does not become known.
    if (!this.#statuses.has(service)) return void rpc.write({ status: "SERVICE_UNKNOWN" });
    let told: ServingStatus | undefined;
    const tell = (): void => {
      const found = this.#statuses.get(service)!;
      if (found === told) return;
      told = found;
      rpc.write({ status: found });
    };
    this.#watches.add(tell);
    rpc.once("cancelled", () => this.#watches.delete(tell));
    tell();
  }
}
