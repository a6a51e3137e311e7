import { type ServerSettings, variableOf } from "../../../service/settings.js";

/** How long messages may be. */
export interface MessageLimit {
  /** Bytes of a message, inflated. */
  most: number;
  /** What says so. */
  setting: string;
}

/** Of requests in one message, and of streams. */
export interface MessageLimits {
  unary: MessageLimit;
  stream: MessageLimit;
}

type Key = "maxReceiveMessageLength" | "maxMemoryBytes" | "maxChunkBytes";

/** The limits that follow from `settings`: no message is larger than all the memory that there is for messages. */
export function messageLimits(settings: ServerSettings): MessageLimits {
  const least = (...keys: Key[]): MessageLimit => {
    const [key] = keys.sort((a, b) => settings[a] - settings[b]) as [Key];
    return { most: settings[key], setting: variableOf(key) };
  };
  return {
    unary: least("maxReceiveMessageLength", "maxMemoryBytes"),
    stream: least("maxChunkBytes", "maxReceiveMessageLength", "maxMemoryBytes"),
  };
}
