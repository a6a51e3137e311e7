import { Peer, type PeerOptions } from "./peer.js";
import { type Connection, LiveSession } from "./session.js";

/** One client of a live door that is connected by a WebSocket. */
export abstract class WebSocketSession extends LiveSession<Peer, [data: Buffer, isBinary: boolean]> {
  constructor({ socket, ...caller }: Connection, options: Partial<PeerOptions> = {}) {
    super(caller, (events, idleTimeout) => new Peer(socket, { idleTimeout, ...options }, events));
  }

  protected abstract onText(text: string): Promise<void>;
  protected abstract onBinary(bytes: Buffer): Promise<void>;

  protected override onMessage(data: Buffer, isBinary: boolean): Promise<void> {
    return isBinary ? this.onBinary(data) : this.onText(data.toString());
  }
}
