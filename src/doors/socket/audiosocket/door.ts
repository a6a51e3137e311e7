import { type AddressInfo, createServer, type Server } from "node:net";
import { Allowlist } from "../../../service/allowlist.js";
import { listen } from "../../../service/listen.js";
import { RareWarnings } from "../../../service/rare-warnings.js";
import { refuseSocket } from "../../../service/refuse-socket.js";
import { FLUSH_SECONDS, type Service } from "../../../service/service.js";
import { variableOf } from "../../../service/settings.js";
import { within } from "../../../service/timers.js";
import { beginCall } from "../calls.js";
import { Room } from "../room.js";
import { Sessions } from "../sessions.js";
import { hangUp } from "./frames.js";
import { AudioSocketSession } from "./session.js";

const NAME = "AudioSocket";

/**
 * A port to which Asterisk sends the audio of phone calls. The protocol has neither tokens nor TLS: who may connect is told by
 * the address that he comes from.
 */
export class AudioSocketDoor {
  readonly port: number;
  readonly #server: Server;
  readonly #room: Room;
  readonly #service: Service;
  readonly #sessions: Sessions;

  private constructor(server: Server, room: Room, service: Service, sessions: Sessions) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#room = room;
    this.#service = service;
    this.#sessions = sessions;
  }

  /** Listens, and hangs up until it serves. @throws TranscriptionError INVALID_ARGUMENT when the address cannot be used */
  static async open(service: Service): Promise<AudioSocketDoor> {
    const { settings } = service;
    const room = new Room(service);
    const sessions = new Sessions();
    const refusals = new RareWarnings(service.log);
    const peers = new Allowlist(settings.audioSocketPeers);
    const server = createServer((socket) => {
      const peer = socket.remoteAddress ?? "unknown";
      try {
        if (!peers.includes(peer)) throw new Error(`${variableOf("audioSocketPeers")} does not name it`);
        room.check();
      } catch (error) {
        refusals.warn(`Refused a connection of ${NAME} from ${peer}: ${(error as Error).message}`, {
          method: NAME,
          peer,
        });
        refuseSocket(socket, hangUp());
        return;
      }
      const call = beginCall(service, NAME, socket);
      const session = new AudioSocketSession({ service, call }, socket);
      socket.once("close", sessions.add(session));
    });
    server.maxConnections = settings.maxConnections;
    const { audioSocketPort = 0, liveHost } = settings;
    await listen(server, { host: liveHost, port: audioSocketPort }, ["liveHost", "audioSocketPort"]);
    return new AudioSocketDoor(server, room, service, sessions);
  }

  /** The model is loaded: lets connections in from now on. */
  serve(): void {
    this.#room.open();
  }

  /** There is nothing to read again. */
  async renewal(): Promise<() => void> {
    return () => {};
  }

  /** Lets no one in, has sessions say what they have, has the service drained, and closes. */
  async close(): Promise<void> {
    this.#room.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await within(this.#sessions.windUp(), this.#service.settings.shutdownGrace);
    await this.#service.drain();
    await within(closed, FLUSH_SECONDS);
    this.#sessions.break();
  }
}
