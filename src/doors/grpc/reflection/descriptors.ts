import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";
import type { ProtoFile } from "../protos.js";

interface File {
  name: string;
  dependency: string[];
  bytes: Uint8Array;
}

const TYPES: Record<string, number> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
};
const MESSAGE = 11;
const ENUM = 14;
const OPTIONAL = 1;
const REPEATED = 3;

/**
 * The descriptors of proto files as `protoc` makes them: with their dependencies, the entries of their maps, JSON names
 * and options. (protobufjs' own have none of these.) What is described here is proto3 without groups, extensions,
 * reserved numbers or options of one's own; a test compares all of it with protoc.
 */
export class Descriptors {
  /** Full names of all services, in order. */
  readonly services: string[] = [];
  readonly #files = new Map<string, File>();
  readonly #fileOf = new Map<string, File>();
  /** Whether a full name is an enum, of types. */
  readonly #isEnum = new Map<string, boolean>();

  constructor(files: readonly ProtoFile[]) {
    const parsed = files.map(({ name, imports, packageName, root }) => ({
      name,
      dependency: imports,
      packageName,
      namespace: root.lookup(packageName) as protobuf.Namespace,
    }));
    for (const { namespace, packageName } of parsed) this.#collectTypes(namespace, packageName);
    for (const { name, dependency, packageName, namespace } of parsed) {
      const message = { name, package: packageName, dependency, ...this.#contents(namespace, packageName) };
      const file = { name, dependency, bytes: descriptor.FileDescriptorProto.encode(message).finish() };
      this.#files.set(name, file);
      for (const symbol of symbolsIn(namespace, packageName)) this.#fileOf.set(symbol, file);
      for (const service of contentsOf(namespace, protobuf.Service)) {
        this.services.push(`${packageName}.${service.name}`);
      }
    }
  }

  /** A file and all that it depends on, encoded, or undefined. */
  file(name: string): Uint8Array[] | undefined {
    const file = this.#files.get(name);
    return file && this.#withDependencies(file);
  }

  /** The file that defines a message, field, enum, value, service or method by its full name, as for {@link file}. */
  fileOf(symbol: string): Uint8Array[] | undefined {
    const file = this.#fileOf.get(symbol);
    return file && this.#withDependencies(file);
  }

  #withDependencies(file: File): Uint8Array[] {
    const found = new Set([file]);
    // Grows while it is walked.
    for (const { dependency } of found) for (const name of dependency) found.add(this.#files.get(name)!);
    return [...found].map(({ bytes }) => bytes);
  }

  #collectTypes(namespace: protobuf.Namespace, scope: string): void {
    for (const nested of namespace.nestedArray) {
      const name = `${scope}.${nested.name}`;
      if (nested instanceof protobuf.Enum) this.#isEnum.set(name, true);
      if (nested instanceof protobuf.Type) {
        this.#isEnum.set(name, false);
        this.#collectTypes(nested, name);
      }
    }
  }

  #contents(namespace: protobuf.Namespace, scope: string): object {
    return {
      messageType: contentsOf(namespace, protobuf.Type).map((type) =>
        this.#message(type, `${scope}.${type.name}`),
      ),
      enumType: contentsOf(namespace, protobuf.Enum).map(enumeration),
      service: contentsOf(namespace, protobuf.Service).map((service) => this.#service(service, scope)),
      options: fileOptions(namespace.options),
      syntax: "proto3",
    };
  }

  #message(type: protobuf.Type, scope: string): object {
    const nestedTypes = contentsOf(type, protobuf.Type).map((nested) =>
      this.#message(nested, `${scope}.${nested.name}`),
    );
    const entries = type.fieldsArray
      .filter((field) => field instanceof protobuf.MapField)
      .map((field) => this.#entry(field, scope));
    return {
      name: type.name,
      field: type.fieldsArray.map((field) => this.#field(field, type, scope)),
      nestedType: [...nestedTypes, ...entries],
      enumType: contentsOf(type, protobuf.Enum).map(enumeration),
      oneofDecl: type.oneofsArray.map(({ name }) => ({ name })),
    };
  }

  #field(field: protobuf.Field, type: protobuf.Type, scope: string): object {
    const isMap = field instanceof protobuf.MapField;
    const oneof = field.partOf ? { oneofIndex: type.oneofsArray.indexOf(field.partOf) } : {};
    return {
      name: field.name,
      number: field.id,
      label: field.repeated || isMap ? REPEATED : OPTIONAL,
      ...(isMap
        ? { type: MESSAGE, typeName: `.${scope}.${entryName(field.name)}` }
        : this.#type(field.type, scope)),
      ...oneof,
      jsonName: jsonName(field.name),
      ...(field.options?.deprecated && { options: { deprecated: true } }),
    };
  }

  #entry(field: protobuf.MapField, scope: string): object {
    const part = (name: string, number: number, type: string) => ({
      name,
      number,
      label: OPTIONAL,
      ...this.#type(type, scope),
      jsonName: name,
    });
    return {
      name: entryName(field.name),
      field: [part("key", 1, field.keyType), part("value", 2, field.type)],
      options: { mapEntry: true },
    };
  }

  #service(service: protobuf.Service, scope: string): object {
    return {
      name: service.name,
      method: service.methodsArray.map((method) => ({
        name: method.name,
        inputType: `.${this.#resolve(method.requestType, scope)}`,
        outputType: `.${this.#resolve(method.responseType, scope)}`,
        ...(method.requestStream && { clientStreaming: true }),
        ...(method.responseStream && { serverStreaming: true }),
      })),
    };
  }

  #type(type: string, scope: string): object {
    if (TYPES[type] !== undefined) return { type: TYPES[type] };
    const name = this.#resolve(type, scope);
    return { type: this.#isEnum.get(name) ? ENUM : MESSAGE, typeName: `.${name}` };
  }

  /** Full name of a type, from where it is named: the innermost scope first. */
  #resolve(type: string, scope: string): string {
    if (type.startsWith(".")) return type.slice(1);
    for (let at = scope; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
      if (this.#isEnum.has(`${at}.${type}`)) return `${at}.${type}`;
    }
    if (this.#isEnum.has(type)) return type;
    throw new Error(`No proto defines ${type}, which ${scope} uses`);
  }
}

function contentsOf<T extends protobuf.ReflectionObject>(
  namespace: protobuf.Namespace,
  kind: new (...args: never[]) => T,
): T[] {
  return namespace.nestedArray.filter((nested): nested is T => nested instanceof kind);
}

function enumeration({ name, values }: protobuf.Enum): object {
  return { name, value: Object.entries(values).map(([name, number]) => ({ name, number })) };
}

function* symbolsIn(namespace: protobuf.Namespace, scope: string): Generator<string> {
  for (const nested of namespace.nestedArray) {
    const name = `${scope}.${nested.name}`;
    yield name;
    if (nested instanceof protobuf.Enum) {
      // Values are siblings of their enum.
      for (const value of Object.keys(nested.values)) yield `${scope}.${value}`;
    }
    if (nested instanceof protobuf.Type) {
      for (const field of [...nested.fieldsArray, ...nested.oneofsArray]) yield `${name}.${field.name}`;
      yield* symbolsIn(nested, name);
    }
    if (nested instanceof protobuf.Service) {
      for (const method of nested.methodsArray) yield `${name}.${method.name}`;
    }
  }
}

function fileOptions(options: { [name: string]: unknown } | undefined): object | undefined {
  if (!options) return undefined;
  const named = Object.entries(options).map(([name, value]) => [camelCase(name), value]);
  return Object.fromEntries(named);
}

/** `LikeThisEntry` for `like_this`, as protoc names the type of a map's entries. */
function entryName(field: string): string {
  const camel = camelCase(field);
  return `${camel[0]!.toUpperCase()}${camel.slice(1)}Entry`;
}

const jsonName = camelCase;

function camelCase(name: string): string {
  return name.replace(/_+([a-zA-Z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
}
