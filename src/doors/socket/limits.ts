/** Bytes of a message, of its control messages too: half a minute of 16-bit audio at 16 kHz. */
export const MAX_MESSAGE = 1024 ** 2;

/** How patient a connection is. Times in seconds. */
export interface Patience {
  /** Between two pings; who has answered none of them when the next is due is gone. */
  ping: number;
  /** Unread bytes above which only the newest of what replaces itself is kept. */
  slow: number;
  /** Unread bytes that end the connection. */
  unread: number;
  /** Time without reading anything that ends it. */
  stuck: number;
  /** For the other side to answer that the connection is closed. */
  closing: number;
}

export const PATIENCE: Patience = {
  ping: 20,
  slow: 1024 ** 2,
  unread: 8 * 1024 ** 2,
  stuck: 30,
  closing: 5,
};

/** Messages, and bytes of them, that wait to be dealt with before the connection is not read any further. */
export const READ_AHEAD = { messages: 64, bytes: 256 * 1024 };
