import type { ServerOptions } from "node:http2";

/**
 * What one connection may do, besides the settings for it. All of it is far above what clients of gRPC do; each keeps a
 * client that means harm, or a defect of one, from costing others more than its own connection.
 */
export const HTTP2_LIMITS = {
  /** Bytes of a call's headers, decoded, with 32 for each (RFC 9113, 6.5.2). Announced to clients. */
  maxHeaderListBytes: 16 * 1024,
  /** Headers of a call. */
  maxHeaderPairs: 128,
  /** Values in a frame of SETTINGS. */
  maxSettings: 32,
  /** Frames that break the rules of HTTP/2 without breaking the connection. */
  maxInvalidFrames: 100,
  /** Calls that the client begins although it was told that there are too many. */
  maxRejectedStreams: 100,
  /** Frames of PING and SETTINGS that wait for the other side's answer. */
  maxOutstanding: 10,
  /**
   * Calls that a client cancels in quick succession, and a second in the long run. From there on it is asked to connect
   * anew, which clients do without noticing: what runs goes on here, what comes goes to the new connection. Node's own
   * limit, which breaks connections with INTERNAL_ERROR, is at 1000 and 33, and counts no further once a client was
   * asked.
   */
  resetBurst: 250,
  resetsPerSecond: 30,
} as const;

/** Options of Node's HTTP/2 server. @param maxStreams calls at once on one connection */
export function http2Options(maxStreams: number): ServerOptions {
  const { maxHeaderListBytes, maxHeaderPairs, maxInvalidFrames, maxOutstanding } = HTTP2_LIMITS;
  const { maxRejectedStreams, maxSettings } = HTTP2_LIMITS;
  return {
    settings: {
      maxConcurrentStreams: maxStreams,
      maxHeaderListSize: maxHeaderListBytes,
      enablePush: false,
    },
    maxHeaderListPairs: maxHeaderPairs,
    maxSettings,
    maxSessionInvalidFrames: maxInvalidFrames,
    maxSessionRejectedStreams: maxRejectedStreams,
    maxOutstandingPings: maxOutstanding,
    // Versions of Node that let their own limit be raised.
    ...{ maxOutstandingSettings: maxOutstanding, streamResetBurst: 10_000, streamResetRate: 1000 },
  };
}
