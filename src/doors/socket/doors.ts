import type { Service } from "../../service/service.js";
import type { LIVE_PORTS, ServerSettings } from "../../service/settings.js";
import { AudioSocketDoor } from "./audiosocket/door.js";
import { PortDoor, type PortSetting } from "./port-door.js";
import type { Connection } from "./session.js";
import type { OpenSession } from "./sessions.js";
import { VoskSession } from "./vosk/session.js";
import { WhisperLiveSession } from "./whisperlive/session.js";

/** A live door with a port of its own. */
export interface LiveDoor {
  readonly port: number;
  /** The model is loaded: lets connections in from now on. */
  serve(): void;
  /** As every door has it. */
  renewal(settings: ServerSettings): Promise<() => void>;
  close(): Promise<void>;
}

type LivePort = (typeof LIVE_PORTS)[number];

/** Live doors with ports of their own, by the settings that open them. */
const DOORS: Readonly<Record<LivePort, { name: string; open(service: Service): Promise<LiveDoor> }>> = {
  whisperLivePort: ofSockets("whisperLivePort", "WhisperLive", (each) => new WhisperLiveSession(each)),
  voskPort: ofSockets("voskPort", "Vosk", (each) => new VoskSession(each)),
  audioSocketPort: { name: "AudioSocket", open: (service) => AudioSocketDoor.open(service) },
};

function ofSockets(key: PortSetting, name: string, open: (connection: Connection) => OpenSession) {
  return { name, open: (service: Service) => PortDoor.open(service, key, { method: name, open }) };
}

/** A door that listens, and what it is called. */
export interface OpenDoor {
  key: LivePort;
  name: string;
  door: LiveDoor;
}

/**
 * Opens every live door that has a port in the settings.
 * @throws TranscriptionError INVALID_ARGUMENT where its address, or a file, cannot be used; those that were open by then are closed
 */
export async function openPortDoors(service: Service): Promise<OpenDoor[]> {
  const doors: OpenDoor[] = [];
  for (const [key, { name, open }] of Object.entries(DOORS) as [LivePort, (typeof DOORS)[LivePort]][]) {
    if (service.settings[key] === undefined) continue;
    try {
      doors.push({ key, name, door: await open(service) });
    } catch (error) {
      await Promise.all(doors.map(({ door }) => door.close()));
      throw error;
    }
  }
  return doors;
}
