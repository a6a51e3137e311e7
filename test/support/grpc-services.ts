import { fileURLToPath } from "node:url";
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath as healthProto } from "grpc-health-check";

const reflectionProto = fileURLToPath(
  new URL(
    "../../node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
    import.meta.url,
  ),
);
const definitions = loadSync([healthProto, reflectionProto], { enums: String, defaults: true, oneofs: true });
const health = definitions["grpc.health.v1.Health"] as ServiceDefinition;
const reflection = definitions["grpc.reflection.v1.ServerReflection"] as ServiceDefinition;

interface Health {
  status: string;
}

/** What the server says of its health, or of that of one service; rejects for a service it does not know. */
export function checkHealth(client: Client, service = ""): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = health.Check!;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<object, Health>(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => Health,
      { service },
      (error, value) => (error ? reject(error) : resolve(value!.status)),
    );
  });
}

/** What the server says of its health, as it changes. */
export function watchHealth(
  client: Client,
  service = "",
): { seen: string[]; stream: ClientReadableStream<Health> } {
  const { path, requestSerialize, responseDeserialize } = health.Watch!;
  const seen: string[] = [];
  const stream = client.makeServerStreamRequest<object, Health>(
    path,
    requestSerialize,
    responseDeserialize as (bytes: Buffer) => Health,
    { service },
  );
  stream.on("data", ({ status }: Health) => seen.push(status));
  stream.on("error", () => {});
  return { seen, stream };
}

/** Names of all services, as reflection lists them. */
export function listServices(client: Client): Promise<string[]> {
  const { path, requestSerialize, responseDeserialize } = reflection.ServerReflectionInfo!;
  type Answer = { listServicesResponse: { service: { name: string }[] } };
  const stream: ClientDuplexStream<object, Answer> = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize as (bytes: Buffer) => Answer,
    new Metadata(),
  );
  return new Promise((resolve, reject) => {
    stream.on("data", ({ listServicesResponse }: Answer) =>
      resolve(listServicesResponse.service.map(({ name }) => name)),
    );
    stream.on("error", reject);
    stream.write({ listServices: "" });
    stream.end();
  });
}
