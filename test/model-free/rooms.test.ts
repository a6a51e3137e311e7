import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

/** What `src/` is made of, from the ground up: a room uses those before it. */
const ROOMS = [
  ["errors", "version"],
  ["package-files"],
  ["types"],
  ["addon"],
  ["config"],
  ["audio"],
  ["models"],
  ["engine"],
  ["speakers"],
  ["pipeline"],
  ["live"],
  ["formats"],
  ["corrections"],
  ["loaded-transcriber"],
  ["transcribe", "diarize", "detect-speech", "waveform"],
  ["index"],
  ["service"],
  ["doors"],
  ["server"],
  ["cli"],
];
/** Rooms between the public API and the user use it rather than what it is made of. */
const OUTSIDE = ["service", "doors", "server"];
const INSIDE_FOR_ALL = ["index", "config", "version", "errors", "types", "package-files"];

const source = path.resolve(import.meta.dirname, "../../src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);

const roomOf = (file: string) => (file.split(path.sep)[0] ?? "").replace(/\.[jt]s$/, "");
const floorOf = (room: string) => ROOMS.findIndex((rooms) => rooms.includes(room));

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(source, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) =>
    path.normalize(path.join(path.dirname(file), match[1] ?? "")),
  );
}

describe("the rooms of the source", () => {
  it("are all known", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => floorOf(room) < 0)).toEqual([]);
  });

  it("use only what lies below them", () => {
    const upward = files.flatMap((file) =>
      importsOf(file)
        .filter((used) => floorOf(roomOf(used)) > floorOf(roomOf(file)))
        .map((used) => `${file} uses ${used}`),
    );
    expect(upward).toEqual([]);
  });

  it("find the package's files through the one module that can be told where they are", () => {
    const others = files.filter((file) => file !== "package-files.ts");
    expect(
      others.filter((file) => readFileSync(path.join(source, file), "utf8").includes("import.meta")),
    ).toEqual([]);
  });

  it("reach the engine through the public API where they serve it", () => {
    const past = files
      .filter((file) => OUTSIDE.includes(roomOf(file)))
      .flatMap((file) =>
        importsOf(file)
          .filter((used) => ![...OUTSIDE, ...INSIDE_FOR_ALL].includes(roomOf(used)))
          .map((used) => `${file} uses ${used}`),
      );
    expect(past).toEqual([]);
  });

  it("have doors that know nothing of each other", () => {
    const doorOf = (file: string) => file.split(path.sep)[1] ?? "";
    const doors = files.filter((file) => roomOf(file) === "doors" && file.split(path.sep).length > 2);
    const across = doors.flatMap((file) =>
      importsOf(file)
        .filter((used) => roomOf(used) === "doors" && doorOf(used) !== doorOf(file))
        .map((used) => `${file} uses ${used}`),
    );
    expect(across).toEqual([]);
  });
});
