import {
  COMPUTE_TYPE_NAMES,
  DEFAULT_LIMITS,
  DEVICES,
  implementationNames,
  parseLanguage,
  suggestLanguage,
} from "../index.js";
import { isHostName, isOrigin } from "./addresses.js";
import { isNetwork } from "./allowlist.js";
import { queueUrl } from "./jobs/broker/queue-url.js";
import { LEVELS, LOG_FORMATS } from "./log.js";
import { sharedStore, storeAddress } from "./recordings/store-address.js";
import {
  choice,
  integer,
  limit,
  listOf,
  number,
  text,
  timeToLive,
  type ValueKind,
  yesOrNo,
} from "./setting-values.js";
import { diskShare, memoryShare, modelsShare } from "./shares.js";
import { isToken, TOKEN_FORM } from "./tokens.js";
import { isSecretEntry, isTarget, SECRET_FORM, TARGET_FORM } from "./webhook-forms.js";

const MIB = 1024 ** 2;
const DAY = 24 * 60 * 60;
/** Lengths of messages are 31-bit numbers in gRPC's implementations. */
const LONGEST_MESSAGE = 2 ** 31 - 1;

/** One setting: its variable, what it may be, and what it is where nobody says. */
export interface Setting<T, Fallback> {
  variable: string;
  kind: ValueKind<T>;
  fallback: Fallback;
  /** Clients are told whether it is set, and no more. */
  isPrivate?: boolean;
  /** Nothing is no value: who wrote it down meant to be protected, and would not be. */
  mustHaveValue?: boolean;
}

function setting<T>(variable: string, kind: ValueKind<T>, fallback: T): Setting<T, T> {
  return { variable, kind, fallback };
}

/** Where nothing says otherwise, what this machine has: looked up when it is asked for, and the same each time. */
function measured<T>(variable: string, kind: ValueKind<T>, measure: () => T): Setting<T, T> {
  return {
    variable,
    kind,
    get fallback() {
      return measure();
    },
  };
}

function optional<T>(variable: string, kind: ValueKind<T>): Setting<T, undefined> {
  return { variable, kind, fallback: undefined };
}

function hidden<T>(variable: string, kind: ValueKind<T>): Setting<T, undefined> {
  return { variable, kind, fallback: undefined, isPrivate: true };
}

/** Of what protects the server. */
function guarding<T>(variable: string, kind: ValueKind<T>): Setting<T, undefined> {
  return { ...hidden(variable, kind), mustHaveValue: true };
}

type Value<S> = S extends Setting<infer T, infer Fallback> ? T | Fallback : never;

const address = text("an address without port", (host) => !/\s|\/|:\d+$/.test(bare(host)));

const vadModel: ValueKind<string | null> = {
  expected: "the name of a VAD model, the path of its file, or off",
  parse: (name) => (name.toLowerCase() === "off" ? null : name),
};

const modelsServed: ValueKind<string> = {
  expected: "installed, none, or a comma list of names and paths of models",
  parse: (given) => {
    const word = ["installed", "none"].find((each) => each === given.toLowerCase());
    return word ?? listOf("names and paths", () => true).parse(given);
  },
};

/** Every setting: what its variable is called, what it may hold, and what it is where it is not given. */
export const SETTINGS = {
  /** Whether to open the gRPC door. */
  grpc: setting("SERVER_GRPC", yesOrNo, true),
  /** Whether to open the HTTP door. */
  http: setting("SERVER_HTTP", yesOrNo, true),
  /** Address that gRPC listens on. */
  host: setting("SERVER_HOST", address, "[::]"),
  /** Port of gRPC; 0 takes a free one. */
  port: setting("SERVER_PORT", integer(0, 65_535), 50_051),
  /** Address that HTTP listens on: any that others can reach needs a token, or `httpWithoutToken`. */
  httpHost: setting("HTTP_HOST", address, "127.0.0.1"),
  /**
   * Port of HTTP; 0 takes a free one. Undefined: 8000, if nobody has it or there is no gRPC; any free one where `port`
   * is 0.
   */
  httpPort: optional("HTTP_PORT", integer(0, 65_535)),
  /** Whether HTTP may be open to all who reach it. */
  httpWithoutToken: setting("HTTP_WITHOUT_TOKEN", yesOrNo, false),
  /** Names that the server is called by besides `localhost`, its address and `httpHost`, comma-separated; `*`: any. */
  httpAllowedHosts: setting("HTTP_ALLOWED_HOSTS", listOf("host names without ports, or *", isHostName), ""),
  /** Origins of other pages that may use the server from a browser, comma-separated: `https://crm.example.org`. */
  httpAllowedOrigins: setting(
    "HTTP_ALLOWED_ORIGINS",
    listOf("origins like https://example.org", isOrigin),
    "",
  ),
  /** Address that the ports of live doors listen on: any that others can reach needs a token, or `liveWithoutToken`. */
  liveHost: setting("LIVE_HOST", address, "127.0.0.1"),
  /** Whether the ports of live doors ask for no token: for clients that can bring none. */
  liveWithoutToken: setting("LIVE_WITHOUT_TOKEN", yesOrNo, false),
  /** Port for clients of WhisperLive, 0 for a free one; undefined: none. */
  whisperLivePort: optional("WHISPERLIVE_PORT", integer(0, 65_535)),
  /** Port for clients of Vosk's server, likewise. */
  voskPort: optional("VOSK_PORT", integer(0, 65_535)),
  /** Port to which Asterisk sends the audio of phone calls (AudioSocket), likewise. */
  audioSocketPort: optional("AUDIOSOCKET_PORT", integer(0, 65_535)),
  /** Addresses and networks beside this machine that may do so, comma-separated: the protocol has no tokens. */
  audioSocketPeers: setting(
    "AUDIOSOCKET_PEERS",
    listOf("addresses or networks like 10.0.0.5 or 10.0.0.0/24", isNetwork),
    "",
  ),
  /** Auth token of a Twilio account, whose signature opens media streams in place of the server's own token. */
  twilioAuthToken: guarding(
    "TWILIO_AUTH_TOKEN",
    text("the auth token of a Twilio account", (token) => token !== ""),
  ),
  /** Seconds that a phone call's text is kept in memory when it has ended. */
  callsTtl: setting("CALLS_TTL", limit(1, 30 * DAY), 3600),

  /** Names beside its own that clients may ask for the model by, comma-separated. */
  modelAliases: setting(
    "MODEL_ALIASES",
    listOf("names of at most 200 characters", (name) => name.length <= 200),
    "",
  ),
  /** Models that clients may ask for beside it: `installed`, `none`, or a comma list of names and paths. */
  modelsServed: { ...setting("MODELS_SERVED", modelsServed, "installed"), isPrivate: true },
  /** Seconds that one of them stays loaded after its last use, and those of the model itself. */
  modelTtl: setting("MODEL_TTL", timeToLive(24 * DAY), 300),
  modelMainTtl: setting("MODEL_MAIN_TTL", timeToLive(24 * DAY), Number.POSITIVE_INFINITY),
  /** Whether clients may have the server download models of the registry. */
  modelDownloads: setting("MODEL_DOWNLOADS", yesOrNo, false),
  /** Bytes that loaded models take together; more are loaded only when others can go. */
  modelsMaxMemory: measured("MODELS_MAX_MEMORY", limit(MIB, Number.MAX_SAFE_INTEGER), modelsShare),

  /** Name of an implementation; undefined: that of the model, or borealis where no model is named either. */
  implementation: optional(
    "MODEL_IMPLEMENTATION",
    text(
      () => `one of ${implementationNames().join(", ")}`,
      (name) => implementationNames().includes(name),
    ),
  ),
  /** Name in the registry or on the Hub, or path of a model file; undefined: the implementation's default. */
  model: hidden("MODEL_NAME", text("the name of a model or the path of its file")),
  /** Folder of downloaded models; undefined: the library's default. */
  cacheDir: hidden("AGORA_CACHE_DIR", text("the path of a folder")),
  device: setting("MODEL_DEVICE", choice(...DEVICES), "auto"),
  /** Compute threads; undefined: the library's default. */
  threads: optional("MODEL_THREADS", integer(1, 256)),
  /** Windows per line of progress in the log, and decoded together by implementations that can. */
  batchSize: setting("MODEL_BATCH_SIZE", integer(1, 256), 32),
  /** What to compute in. */
  computeType: setting("MODEL_COMPUTE_TYPE", choice(...COMPUTE_TYPE_NAMES), "auto"),
  /** Name or path of a model that writes ahead; undefined: none. */
  draftModel: hidden("MODEL_DRAFT", text("the name of a model or the path of its file")),
  /** Name or path of the VAD model, null for none; undefined: the one of the package. */
  vadModel: hidden("MODEL_VAD", vadModel),
  /** Longest window in seconds. Models that read less well get shorter ones. */
  chunkDuration: setting("MODEL_CHUNK_DURATION", number(1, 30), 30),
  /** Code of the language that is spoken, or `auto`; read by whatever name it has. */
  language: setting(
    "MODEL_LANGUAGE",
    {
      expected: 'a language by code or English name, such as "ru" or "russian", or auto',
      parse: parseLanguage,
      suggest: suggestLanguage,
    },
    "auto",
  ),

  /** Recordings transcribed at once. */
  maxWorkers: setting("SERVER_MAX_WORKERS", integer(1, 1024), 10),
  /** Requests that may wait for their turn; more are refused. */
  maxQueue: setting("SERVER_MAX_QUEUE", integer(0, 100_000), 1000),
  /** Calls open at once, uploading or waiting or being transcribed; more are refused. */
  maxCalls: setting("SERVER_MAX_CALLS", integer(1, 1_000_000), 4000),
  /** Calls open at once on one connection; clients are told, and hold more of them back. */
  maxStreams: setting("SERVER_MAX_STREAMS", integer(1, 100_000), 500),
  /** Connections open at once; more are closed as they come. */
  maxConnections: setting("SERVER_MAX_CONNECTIONS", integer(1, 1_000_000), 4000),
  /** Bytes of one answer. */
  maxSendMessageLength: setting("GRPC_MAX_SEND_MESSAGE_LENGTH", integer(1, LONGEST_MESSAGE), 200 * MIB),
  /** Bytes of one message from a client. */
  maxReceiveMessageLength: setting("GRPC_MAX_RECEIVE_MESSAGE_LENGTH", integer(1, LONGEST_MESSAGE), 200 * MIB),
  /** Bytes of one recording, in one message or many. The default is what a message may hold: one limit for both modes. */
  maxUploadBytes: setting("SERVER_MAX_UPLOAD_BYTES", integer(1, Number.MAX_SAFE_INTEGER), 200 * MIB),
  /** Bytes of one message of a stream, inflated: it is in memory until it is on disk. */
  maxChunkBytes: setting("SERVER_MAX_CHUNK_BYTES", integer(1, LONGEST_MESSAGE), 8 * MIB),
  /** Bytes that all calls hold in memory together; what finds no room waits a while, and is refused. */
  maxMemoryBytes: measured("SERVER_MAX_MEMORY_BYTES", integer(MIB, Number.MAX_SAFE_INTEGER), memoryShare),
  /** Bytes that all uploads take in the temporary folder together. */
  maxDiskBytes: measured("SERVER_MAX_DISK_BYTES", limit(MIB, Number.MAX_SAFE_INTEGER), diskShare),
  /** Seconds of one recording. */
  maxDuration: setting("SERVER_MAX_AUDIO_DURATION", number(0.001, 10_000 * 3600), DEFAULT_LIMITS.maxDuration),
  /** Seconds spent waiting for the decoder of one recording. */
  decodeTimeout: setting("SERVER_DECODE_TIMEOUT", number(0.001, 7 * DAY), DEFAULT_LIMITS.decodeTimeout),
  /** Seconds that a client may send nothing while its call is read, and take to read each MiB that it is sent. */
  idleTimeout: setting("SERVER_IDLE_TIMEOUT", limit(0.001, DAY), 60),
  /** Seconds until a request has arrived completely. */
  uploadTimeout: setting("SERVER_UPLOAD_TIMEOUT", limit(0.001, 7 * DAY), 1800),
  /** Seconds from the complete request to its answer. */
  requestTimeout: setting("SERVER_REQUEST_TIMEOUT", limit(0.001, 7 * DAY), 4 * 3600),
  /** Seconds that running requests get to finish when the server is told to stop. */
  shutdownGrace: setting("SERVER_SHUTDOWN_GRACE", number(0, DAY), 30),

  /** Live streams at once, of all doors; more are refused. */
  liveMaxStreams: setting("LIVE_MAX_STREAMS", integer(0, 100_000), 100),
  /** Seconds without audio, and without a sign that there will be, after which a live stream is ended. */
  liveIdleTimeout: setting("LIVE_IDLE_TIMEOUT", limit(0.001, DAY), 60),
  /** Seconds in which a live stream with audio waiting gets nowhere after which it fails. */
  liveStallTimeout: setting("LIVE_STALL_TIMEOUT", limit(0.001, DAY), 30),
  /** Whether the audio of every live stream is kept as a recording. */
  liveRecord: setting("LIVE_RECORD", yesOrNo, false),
  /** Whether that is transcribed once more, as a job. */
  liveAgain: setting("LIVE_AGAIN", yesOrNo, false),

  /** Where recordings are kept for longer than a call, or found: a folder, a bucket, another system; undefined: none are. */
  recordingsStore: hidden("RECORDINGS_STORE", storeAddress),
  /** What another system is told of who asks, as the header `authorization` has it. */
  recordingsAuthorization: hidden(
    "RECORDINGS_AUTHORIZATION",
    text("the value of an authorization header", (value) => /^[\x21-\x7e][\x20-\x7e]*$/.test(value)),
  ),
  /** Bytes of all that came through the server and are kept. */
  recordingsMaxBytes: setting(
    "RECORDINGS_MAX_BYTES",
    limit(1, Number.MAX_SAFE_INTEGER),
    Number.POSITIVE_INFINITY,
  ),
  /** Seconds that they are kept. */
  recordingsTtl: setting("RECORDINGS_TTL", limit(1, 3650 * DAY), Number.POSITIVE_INFINITY),

  /** Folder where jobs are kept, for one server alone; undefined: a temporary one, gone when the server ends. */
  jobsFolder: hidden("JOBS_DIR", text("the path of a folder")),
  /** Jobs worked on at once, each of which takes one of the `maxWorkers`. */
  jobsMaxRunning: setting("JOBS_MAX_RUNNING", integer(1, 1024), 4),
  /** Jobs that may wait; more are refused. */
  jobsMaxWaiting: setting("JOBS_MAX_WAITING", limit(1, 10_000_000), 10_000),
  /** Bytes of all recordings that came with jobs which have not ended. */
  jobsMaxBytes: setting("JOBS_MAX_BYTES", limit(1, Number.MAX_SAFE_INTEGER), Number.POSITIVE_INFINITY),
  /** Times that a job is begun: the server may end in its course, and disk, memory or device may fail. */
  jobsMaxAttempts: setting("JOBS_MAX_ATTEMPTS", integer(1, 100), 3),
  /** Seconds that a job is kept when it has ended, with its result and events. */
  jobsTtl: setting("JOBS_TTL", limit(1, 3650 * DAY), 7 * DAY),
  /** Queue of jobs that several machines share: this server has workers for them; undefined: it does them itself. */
  queueUrl: hidden("QUEUE_URL", queueUrl),
  /** Where recordings and results of those jobs are: a folder that all machines mount, or a bucket. */
  queueStore: hidden("QUEUE_STORE", sharedStore),
  /** Jobs that may wait in the queue; more are refused. */
  queueMaxWaiting: setting("QUEUE_MAX_WAITING", limit(1, 10_000_000), 100_000),
  /** Seconds without a sign of life after which a worker is taken for dead, and others do its jobs. */
  queueLock: setting("QUEUE_LOCK_DURATION", number(1, 3600), 30),
  /** Secrets that webhooks are signed with, comma-separated, as `whsec_…` or `name=whsec_…`; undefined: there are none. */
  webhookSecrets: hidden("WEBHOOK_SECRETS", listOf(SECRET_FORM, isSecretEntry)),
  /** Hosts that webhooks may go to, comma-separated, with a port or without; nothing: any that is public. */
  webhookAllowedHosts: setting("WEBHOOK_ALLOWED_HOSTS", listOf(TARGET_FORM, isTarget), ""),
  /** Hosts that webhooks may go to though they are private, over `http:` and to any port that is named with them. */
  webhookPrivateHosts: setting("WEBHOOK_PRIVATE_HOSTS", listOf(TARGET_FORM, isTarget), ""),

  /** Seconds between pings on a connection that is quiet. */
  keepaliveTime: setting("SERVER_KEEPALIVE_TIME", limit(1, DAY), 60),
  /** Seconds until an unanswered ping closes its connection. */
  keepaliveTimeout: setting("SERVER_KEEPALIVE_TIMEOUT", number(1, DAY), 20),
  /** Seconds after which clients are asked to connect anew, so that they find other replicas. */
  maxConnectionAge: setting("SERVER_MAX_CONNECTION_AGE", limit(1, 24 * DAY), Number.POSITIVE_INFINITY),

  /** Path of the certificate chain (PEM); TLS is used when it is set. */
  tlsCertificate: guarding("SERVER_TLS_CERT", text("the path of a PEM file")),
  /** Path of the certificate's private key (PEM). */
  tlsKey: guarding("SERVER_TLS_KEY", text("the path of a PEM file")),
  /** Path of the authorities (PEM) whose client certificates are accepted; none is asked for when it is not set. */
  tlsClientAuthority: guarding("SERVER_TLS_CLIENT_CA", text("the path of a PEM file")),
  /** Token that calls must bring as `authorization: Bearer …`. */
  apiToken: guarding("SERVER_API_TOKEN", text(TOKEN_FORM, isToken)),
  /** Path of a file that holds it, and nothing else. */
  apiTokenFile: guarding("SERVER_API_TOKEN_FILE", text("the path of a file that holds the token")),
  /** Another token that is as good, so that clients can change from one to the other. */
  nextApiToken: guarding("SERVER_API_TOKEN_NEXT", text(TOKEN_FORM, isToken)),
  nextApiTokenFile: guarding("SERVER_API_TOKEN_NEXT_FILE", text("the path of a file that holds the token")),
  /** Whether to refuse to start without a token. */
  requireToken: setting("SERVER_REQUIRE_TOKEN", yesOrNo, false),

  /** Address of metrics and probes on a port of their own, which ask for no token. */
  metricsHost: setting("SERVER_HTTP_HOST", address, "127.0.0.1"),
  /** Port of metrics and probes on a port of their own, 0 for a free one; undefined: none. */
  metricsPort: optional("SERVER_HTTP_PORT", integer(0, 65_535)),

  loggingLevel: setting("LOGGING_LEVEL", choice(...LEVELS), "INFO"),
  /** Lines for people, or a JSON object per line. */
  logFormat: setting("LOG_FORMAT", choice(...LOG_FORMATS), "text"),
};

/** The name of a setting. */
export type SettingKey = keyof typeof SETTINGS;

/** Everything about a server that can be set. Times are seconds; `Infinity` is no limit. */
export type ServerSettings = { [K in SettingKey]: Value<(typeof SETTINGS)[K]> };

/** Values given on the command line, by setting, as they were typed. */
export type FlagValues = { [K in SettingKey]?: string | undefined };

/** Variable of a setting, for messages. */
export function variableOf(key: SettingKey): string {
  return SETTINGS[key].variable;
}

/** Variables of all settings. */
export function settingVariables(): string[] {
  return (Object.keys(SETTINGS) as SettingKey[]).map(variableOf);
}

/** The tokens, each by itself or in a file. */
export const TOKEN_SETTINGS = [
  ["apiToken", "apiTokenFile"],
  ["nextApiToken", "nextApiTokenFile"],
] as const;

/** Ports of live doors whose clients may bring a token. */
export const LIVE_SOCKET_PORTS = ["whisperLivePort", "voskPort"] as const satisfies readonly SettingKey[];
/** Ports of live doors. */
export const LIVE_PORTS = [...LIVE_SOCKET_PORTS, "audioSocketPort"] as const satisfies readonly SettingKey[];

/** `::1` for `[::1]`; an IPv6 address may stand without brackets, so its last group is no port. */
function bare(host: string): string {
  return (host.match(/:/g)?.length ?? 0) > 1 ? host.replace(/[[\]:]/g, "") : host;
}
