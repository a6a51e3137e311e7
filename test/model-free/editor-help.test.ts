import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { registry } from "../../src/models/registry.js";
import { VAD_MODELS, WHISPER_MODELS } from "../../src/types/names.js";

const source = fileURLToPath(new URL("../../src/", import.meta.url));
const ENTRIES = ["index.ts", "server/index.ts"].map((file) => source + file);

function programOf(entries: string[]): ts.Program {
  const path = fileURLToPath(new URL("../../tsconfig.build.json", import.meta.url));
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(
    config,
    ts.sys,
    fileURLToPath(new URL("../..", import.meta.url)),
  );
  return ts.createProgram(entries, options);
}

/** What is exported, behind its names. */
function exportsOf(program: ts.Program, entry: string): ts.Symbol[] {
  const checker = program.getTypeChecker();
  return checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
    .filter((symbol) => !(symbol.flags & ts.SymbolFlags.ValueModule));
}

const TYPES = ts.SymbolFlags.Interface | ts.SymbolFlags.Class | ts.SymbolFlags.TypeAlias;

/** Fields of an exported interface or class or of the members of a union that are declared in this package. */
function fieldsOf(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol[] {
  if (!(symbol.flags & TYPES)) return [];
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  return (type.isUnion() ? type.types : [type])
    .filter((member) => (member.flags & ts.TypeFlags.Object) !== 0 || member.isIntersection())
    .flatMap((member) => checker.getPropertiesOfType(member))
    .filter(({ declarations = [] }) =>
      declarations.some((each) => each.getSourceFile().fileName.startsWith(source)),
    );
}

describe("what an editor shows", () => {
  it("has a sentence about everything public and each of its fields", () => {
    const program = programOf(ENTRIES);
    const checker = program.getTypeChecker();
    const isSilent = (symbol: ts.Symbol) => symbol.getDocumentationComment(checker).length === 0;
    const exported = ENTRIES.flatMap((entry) => exportsOf(program, entry));
    expect(exported.length).toBeGreaterThan(80);
    const silent = exported.flatMap((symbol) => [
      ...(isSilent(symbol) ? [symbol.name] : []),
      ...fieldsOf(symbol, checker)
        .filter(isSilent)
        .map((field) => `${symbol.name}.${field.name}`),
    ]);
    expect([...new Set(silent)]).toEqual([]);
  }, 60_000);

  it("offers the models of the registry", () => {
    const named = (kind: string) =>
      registry()
        .entries.filter((entry) => entry.kind === kind)
        .flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    expect(WHISPER_MODELS).toEqual(named("whisper"));
    expect(VAD_MODELS).toEqual(named("vad"));
  });
});
