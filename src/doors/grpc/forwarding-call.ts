import type { Metadata, ServerInterceptingCallInterface } from "@grpc/grpc-js";

type Interface = ServerInterceptingCallInterface;
/** A status as a server sends it. */
export type SentStatus = Parameters<Interface["sendStatus"]>[0];

/** A call that hands everything on, for those that look at some of it. */
export class ForwardingCall implements ServerInterceptingCallInterface {
  constructor(protected readonly next: Interface) {}

  start(listener: Parameters<Interface["start"]>[0]): void {
    this.next.start(listener);
  }

  sendMetadata(metadata: Metadata): void {
    this.next.sendMetadata(metadata);
  }

  sendMessage(message: unknown, callback: () => void): void {
    this.next.sendMessage(message, callback);
  }

  sendStatus(status: SentStatus): void {
    this.next.sendStatus(status);
  }

  startRead(): void {
    this.next.startRead();
  }

  getPeer(): string {
    return this.next.getPeer();
  }

  getDeadline(): ReturnType<Interface["getDeadline"]> {
    return this.next.getDeadline();
  }

  getHost(): string {
    return this.next.getHost();
  }

  getAuthContext(): ReturnType<Interface["getAuthContext"]> {
    return this.next.getAuthContext();
  }

  getConnectionInfo(): ReturnType<Interface["getConnectionInfo"]> {
    return this.next.getConnectionInfo();
  }

  getMetricsRecorder(): ReturnType<Interface["getMetricsRecorder"]> {
    return this.next.getMetricsRecorder();
  }
}
