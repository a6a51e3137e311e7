import type { Server } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { listen } from "../../service/listen.js";
import { FLUSH_SECONDS, type Service } from "../../service/service.js";
import type { ServerSettings } from "../../service/settings.js";
import { within } from "../../service/timers.js";
import { loadPem, secureContextOf } from "../../service/tls-files.js";
import { TokenCheck } from "../../service/token-check.js";
import { loadTokens } from "../../service/token-files.js";
import type { Upgrades } from "../../service/upgrades.js";
import { createApp } from "./app.js";
import { addAsr } from "./asr-webservice/asr.js";
import { addDetectLanguage } from "./asr-webservice/detect-language.js";
import { addListen } from "./deepgram/listen.js";
import { Gate } from "./gate.js";
import { addJobs } from "./jobs/jobs.js";
import { addModelDownloads } from "./models/downloads.js";
import { addModels } from "./openai/models.js";
import { addTranscriptions } from "./openai/transcriptions.js";
import { addPage } from "./page/page.js";
import { addSession } from "./page/session.js";
import { Description } from "./pages/description.js";
import { addPages, type Pages } from "./pages/pages.js";
import { addPeaks } from "./recordings/peaks.js";
import { addRecordings } from "./recordings/recordings.js";
import { addWhisperX } from "./recordings/whisperx.js";
import { addDiarization } from "./speaches/diarization.js";
import { addLoadedModels } from "./speaches/loaded-models.js";
import { addSpeechTimestamps } from "./speaches/speech-timestamps.js";
import { addPhoneCalls } from "./telephony/calls.js";
import { addUpgrades } from "./upgrades.js";
import { addInference } from "./whisper-cpp/inference.js";

/** Where clients look for such a server. */
const USUAL_PORT = 8000;

/** The HTTP side of the server: OpenAI's audio API and what other servers have beside it, recordings that are kept, and pages about the server itself. */
export class HttpDoor {
  readonly port: number;
  readonly #app: FastifyInstance;
  readonly #gate: Gate;
  readonly #tokens: TokenCheck;
  readonly #service: Service;
  readonly #upgrades: Upgrades;
  readonly #isSecure: boolean;

  private constructor(
    app: FastifyInstance,
    gate: Gate,
    tokens: TokenCheck,
    service: Service,
    upgrades: Upgrades,
    isSecure: boolean,
  ) {
    this.port = (app.server.address() as AddressInfo).port;
    this.#app = app;
    this.#gate = gate;
    this.#tokens = tokens;
    this.#service = service;
    this.#upgrades = upgrades;
    this.#isSecure = isSecure;
  }

  /**
   * Listens, and answers that it does not serve yet.
   * @param upgrades who takes connections over for other protocols
   * @throws TranscriptionError INVALID_ARGUMENT when the address, a TLS file or a token's file cannot be used
   */
  static async open(service: Service, pages: Pages, upgrades: Upgrades): Promise<HttpDoor> {
    const { settings } = service;
    const tokens = new TokenCheck(await loadTokens(settings));
    const pem = await loadPem(settings);
    const gate = new Gate(service, tokens);
    const app = createApp(service, gate, pem);
    const description = new Description(app);
    addTranscriptions(app, service);
    addModels(app, service);
    addLoadedModels(app, service);
    addModelDownloads(app, service);
    addDiarization(app, service);
    addSpeechTimestamps(app, service);
    addAsr(app, service);
    addDetectLanguage(app, service);
    addInference(app, service);
    addListen(app, service);
    addRecordings(app, service);
    addPeaks(app, service);
    addWhisperX(app, service);
    addJobs(app, service);
    addPhoneCalls(app, service);
    addPages(app, pages, description);
    addPage(app, service);
    addSession(app, gate, pem !== undefined);
    await app.ready();
    addUpgrades(app.server, service, gate, upgrades.routes);
    const port = settings.httpPort ?? (settings.port === 0 ? 0 : USUAL_PORT);
    try {
      await listen(app.server, { host: settings.httpHost, port }, ["httpHost", "httpPort"]);
    } catch (error) {
      await app.close();
      throw error;
    }
    return new HttpDoor(app, gate, tokens, service, upgrades, pem !== undefined);
  }

  /** Where it is found, at an address of this machine. */
  urlAt(host: string): string {
    const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
    return `${this.#isSecure ? "https" : "http"}://${name}:${this.port}`;
  }

  /** The model is loaded: answers calls from now on. */
  serve(): void {
    this.#gate.open();
  }

  /**
   * Reads certificates and tokens again. Calls and connections that are open stay as they are.
   * @returns puts them into use
   * @throws TranscriptionError INVALID_ARGUMENT when one of them cannot be used, and then nothing has changed
   */
  async renewal(settings: ServerSettings): Promise<() => void> {
    const [pem, found] = [await loadPem(settings), await loadTokens(settings)];
    return () => {
      if (pem && this.#isSecure) (this.#server as TlsServer).setSecureContext(secureContextOf(pem));
      this.#tokens.use(found);
    };
  }

  /** Lets no one in, has the service drained, and closes. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#gate.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    await within(this.#upgrades.windUp(), this.#service.settings.shutdownGrace);
    await this.#service.drain();
    // Answers are on their way.
    server.closeIdleConnections();
    await within(closed, FLUSH_SECONDS);
    this.#upgrades.break();
    server.closeAllConnections();
    await this.#app.close();
  }

  get #server(): Server {
    return this.#app.server;
  }
}
