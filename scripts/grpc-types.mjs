/**
 * Writes TypeScript types of the messages in proto/ beside the services that answer them, comments included:
 * `npm run generate:grpc`. With --check nothing is written, and types that have fallen behind are an error.
 *
 * The types say what @grpc/proto-loader makes of a message that has been received, with the options of
 * src/doors/grpc/definitions.ts: a message that is not set is null, everything else is set, enums are names, and a
 * oneof is the name of its member that is set.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NUMBERS = /^(double|float|s?fixed(32|64)|[su]?int(32|64))$/;
const WRAPPERS = /^google\.protobuf\.(Double|Float|U?Int(?:32|64)|Bool|String|Bytes)Value$/;

for (const version of ["v1", "v2"]) {
  const source = `proto/${version}/transcription.proto`;
  const target = path.join(ROOT, `src/doors/grpc/${version}/messages.ts`);
  const types = formatted(typesOf(source), target);
  if (!process.argv.includes("--check")) writeFileSync(target, types);
  else if (readFileSync(target, "utf8") !== types) {
    console.error(`${path.relative(ROOT, target)} is behind ${source}: npm run generate:grpc`);
    process.exitCode = 1;
  }
}

function typesOf(source) {
  const root = new protobuf.Root();
  const text = readFileSync(path.join(ROOT, source), "utf8");
  const { package: packageName } = protobuf.parse(text, root, { keepCase: true, alternateCommentMode: true });
  const parts = [`// Made from ${source} by npm run generate:grpc: change that file instead.\n`];
  const namespace = root.lookup(packageName);
  for (const part of namespace.nestedArray) {
    if (part instanceof protobuf.Enum) parts.push(enumeration(part));
    if (part instanceof protobuf.Type) parts.push(message(part));
  }
  if (parts.some((part) => part.includes("Wrapped<"))) {
    parts.push(
      "/** A value of which nothing is not the same as zero. */\nexport type Wrapped<T> = { value: T } | null;\n",
    );
  }
  return parts.join("\n");
}

function enumeration({ comment, name, values }) {
  const names = Object.keys(values).map((value) => JSON.stringify(value));
  return `${documented(comment)}export type ${name} = ${names.join(" | ")};\n`;
}

function message(type) {
  const lines = type.oneofsArray.map((oneof) => {
    const names = oneof.oneof.map((name) => JSON.stringify(name)).join(" | ");
    return `/** Which of them is set. */\n${oneof.name}?: ${names};\n`;
  });
  for (const field of type.fieldsArray) {
    const name = field.partOf ? `${field.name}?` : field.name;
    lines.push(`${documented(field.comment)}${name}: ${typeOf(field)};\n`);
  }
  if (lines.length === 0)
    return `${documented(type.comment)}export type ${type.name} = Record<string, never>;\n`;
  return `${documented(type.comment)}export interface ${type.name} {\n${lines.join("")}}\n`;
}

function typeOf(field) {
  if (field instanceof protobuf.MapField) return `Record<string, ${valueType(field.type)}>`;
  const type = valueType(field.type);
  if (field.repeated) return /\W/.test(type) ? `Array<${type}>` : `${type}[]`;
  const wrapped = WRAPPERS.exec(field.type);
  if (wrapped) return `Wrapped<${type}>`;
  const resolved = field.parent.lookup(field.type);
  return resolved instanceof protobuf.Type && !field.partOf ? `${type} | null` : type;

  function valueType(name) {
    const [, inside] = WRAPPERS.exec(name) ?? [];
    const scalar = inside ? inside.toLowerCase() : name;
    if (NUMBERS.test(scalar)) return "number";
    if (scalar === "bool") return "boolean";
    if (scalar === "bytes") return "Buffer";
    if (scalar === "string") return "string";
    // One that a newer contract has comes as its number.
    if (field.parent.lookup(name) instanceof protobuf.Enum) return `${name} | number`;
    return name;
  }
}

function documented(comment) {
  if (!comment) return "";
  const lines = comment.split("\n").map((line) => line.replaceAll("*/", "*\\/"));
  if (lines.length === 1) return `/** ${lines[0]} */\n`;
  return `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */\n`;
}

function formatted(code, target) {
  const biome = path.join(ROOT, "node_modules/.bin/biome");
  return execFileSync(biome, ["format", `--stdin-file-path=${target}`], {
    input: code,
    cwd: ROOT,
    encoding: "utf8",
  });
}
