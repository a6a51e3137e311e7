import type { Service } from "../../service/service.js";
import { PortDoor, type PortSetting } from "./port-door.js";
import type { Connection, LiveSession } from "./session.js";
import { VoskSession } from "./vosk/session.js";
import { WhisperLiveSession } from "./whisperlive/session.js";

/** Live doors with ports of their own, by the settings that open them. */
const DOORS: Readonly<Record<PortSetting, { name: string; open(connection: Connection): LiveSession }>> = {
  whisperLivePort: { name: "WhisperLive", open: (connection) => new WhisperLiveSession(connection) },
  voskPort: { name: "Vosk", open: (connection) => new VoskSession(connection) },
};

/** A door that listens, and what it is called. */
export interface OpenDoor {
  key: PortSetting;
  name: string;
  door: PortDoor;
}

/**
 * Opens every live door that has a port in the settings.
 * @throws TranscriptionError INVALID_ARGUMENT as {@link PortDoor.open}; those that were open by then are closed
 */
export async function openPortDoors(service: Service): Promise<OpenDoor[]> {
  const doors: OpenDoor[] = [];
  for (const [key, { name, open }] of Object.entries(DOORS) as [PortSetting, (typeof DOORS)[PortSetting]][]) {
    if (service.settings[key] === undefined) continue;
    try {
      doors.push({ key, name, door: await PortDoor.open(service, key, { method: name, open }) });
    } catch (error) {
      await Promise.all(doors.map(({ door }) => door.close()));
      throw error;
    }
  }
  return doors;
}
