import type { Server, ServerInterceptor, sendUnaryData } from "@grpc/grpc-js";
import type { Call } from "../../service/call/call.js";
import { Slots } from "../../service/call/slots.js";
import { RareWarnings } from "../../service/rare-warnings.js";
import { FLUSH_SECONDS, type Service } from "../../service/service.js";
import type { ServerSettings } from "../../service/settings.js";
import { within } from "../../service/timers.js";
import { TokenCheck } from "../../service/token-check.js";
import { loadTokens } from "../../service/token-files.js";
import { busy } from "../../service/workers.js";
import { Calls } from "./calls.js";
import { Credentials } from "./credentials.js";
import { loadDefinitions, recordingFields, serviceIn, V1_SERVICE, V2_SERVICE } from "./definitions.js";
import { Health } from "./health.js";
import { LightCalls } from "./light-calls.js";
import { createGrpcServer, listen, stopListening } from "./listener.js";
import { messageLimits } from "./messages/limits.js";
import { protoFiles } from "./protos.js";
import { Descriptors } from "./reflection/descriptors.js";
import { addReflection } from "./reflection/service.js";
import { Transport } from "./transport/transport.js";
import { V1Service } from "./v1/service.js";
import { takingEncoded } from "./v2/encoded-result.js";
import { V2Service } from "./v2/service.js";

/** Calls with these paths are ours: counted, limited, drained, and only for those with the token. */
const PREFIX = "/transcription.";
/** What health is told about: the server as a whole, and each service. */
const HEALTH_NAMES = ["", V1_SERVICE, V2_SERVICE];
/** Requests of one message that wait in memory for a worker, per worker: enough to keep it busy. */
const READ_AHEAD = 1;

/** What decides who may call. */
interface Access {
  credentials: Credentials;
  tokens: TokenCheck;
}

/** The gRPC side of the server: contracts v1 and v2, health and reflection on one port. */
export class GrpcFront {
  readonly port: number;
  readonly #server: Server;
  readonly #calls: Calls;
  readonly #inbox: Slots;
  readonly #health: Health;
  readonly #access: Access;
  readonly #service: Service;
  readonly #v2: V2Service;

  private constructor(
    port: number,
    server: Server,
    calls: Calls,
    inbox: Slots,
    health: Health,
    access: Access,
    service: Service,
    v2: V2Service,
  ) {
    this.port = port;
    this.#server = server;
    this.#calls = calls;
    this.#inbox = inbox;
    this.#health = health;
    this.#access = access;
    this.#service = service;
    this.#v2 = v2;
  }

  /**
   * Listens, and answers that it does not serve yet.
   * @throws TranscriptionError INVALID_ARGUMENT when the address, a TLS file or a token's file cannot be used
   */
  static async open(service: Service): Promise<GrpcFront> {
    const { budgets, calls: open, log, metrics, settings, workers } = service;
    const { idleTimeout, maxCalls, maxQueue, maxWorkers, requestTimeout, uploadTimeout } = settings;
    const definitions = loadDefinitions();
    const v1Definition = serviceIn(definitions, V1_SERVICE);
    const v2Definition = serviceIn(definitions, V2_SERVICE);
    const tokens = new TokenCheck(await loadTokens(settings));
    const v1 = new V1Service(service);
    const v2 = new V2Service(service);
    const inbox = new Slots(maxWorkers * (1 + READ_AHEAD), maxQueue, busy(maxQueue));
    const refusals = new RareWarnings(log);
    const handshakes = new RareWarnings(log);
    const closed = new RareWarnings(log);
    const origin = () => transport.origin;
    const { memory } = budgets;
    const lights = new LightCalls({ origin, uploadTimeout, idleTimeout });
    const calls = new Calls({
      open,
      origin,
      maxCalls,
      inbox,
      memory,
      messages: messageLimits(settings),
      recordingFields: new Map([...recordingFields(v1Definition), ...recordingFields(v2Definition)]),
      uploadTimeout,
      requestTimeout,
      idleTimeout,
      onUnauthorized: ({ method, peer }) =>
        refusals.warn(`Refused a call of ${method} from ${peer}: no token, or a wrong one`, {
          method,
          peer,
          code: "UNAUTHENTICATED",
        }),
      isAuthorized: (metadata) => tokens.accepts(metadata.get("authorization")[0]?.toString()),
      refuse: (call, reason, respond) => {
        if (isOf(V2_SERVICE, call)) v2.fail(call, reason, respond);
        else v1.fail(call, "unary", reason, respond as sendUnaryData<object>);
      },
      retryAfter: () => workers.retryAfter,
      onEnd: (call, outcome) => metrics.ended(call.method, outcome, call.age),
    });
    const credentials = await Credentials.load(settings);
    const interceptor: ServerInterceptor = (method, channel) =>
      (method.path.startsWith(PREFIX) ? calls : lights).interceptor(method, channel);
    const server = createGrpcServer(settings, [interceptor]);
    const { keepaliveTime, keepaliveTimeout, maxConnectionAge, maxConnections, maxStreams } = settings;
    const paths = new Set<string>();
    const transport = new Transport(server, {
      keepaliveTime,
      keepaliveTimeout,
      maxConnectionAge,
      maxConnections,
      maxStreams,
      paths,
      onClosed: ({ peer }, reason) => closed.warn(`Closed the connection of ${peer}: ${reason}`, { peer }),
      onHandshakeFailed: (peer, reason) =>
        handshakes.warn(`The TLS handshake of ${peer} failed: ${reason}`, { peer }),
    });
    const descriptors = new Descriptors(protoFiles());
    const health = new Health(HEALTH_NAMES);
    server.addService(v1Definition, v1.handlers(calls));
    server.addService(takingEncoded(v2Definition), v2.handlers(calls));
    addReflection(server, definitions, descriptors);
    health.addTo(server, definitions);
    for (const name of descriptors.services) {
      for (const { path } of Object.values(serviceIn(definitions, name))) paths.add(path);
    }
    const port = await listen(server, settings, credentials.value);
    return new GrpcFront(port, server, calls, inbox, health, { credentials, tokens }, service, v2);
  }

  /** Requests that wait unread for room in memory. */
  get unread(): number {
    return this.#inbox.waiting;
  }

  /** The model is loaded: answers calls from now on. */
  serve(): void {
    this.#calls.accept();
  }

  /** Tells health whether others should send calls here. */
  tellHealth(isWell: boolean): void {
    this.#health.tell(isWell);
  }

  /**
   * Reads certificates and tokens again. Calls and connections that are open stay as they are.
   * @returns puts them into use
   * @throws TranscriptionError INVALID_ARGUMENT when one of them cannot be used, and then nothing has changed
   */
  async renewal(settings: ServerSettings): Promise<() => void> {
    const { credentials, tokens } = this.#access;
    const [renew, found] = [await credentials.renewal(settings), await loadTokens(settings)];
    return () => {
      renew();
      tokens.use(found);
    };
  }

  /** Lets no one in, has the service drained, and closes. */
  async close(): Promise<void> {
    this.tellHealth(false);
    const closed = stopListening(this.#server);
    await within(this.#v2.windUp(), this.#service.settings.shutdownGrace);
    await this.#service.drain();
    // Answers are on their way, and who only watches health does not leave unasked.
    await within(closed, FLUSH_SECONDS);
    this.#server.forceShutdown();
  }
}

function isOf(service: string, { method }: Call): boolean {
  return method.startsWith(`${service}/`);
}
