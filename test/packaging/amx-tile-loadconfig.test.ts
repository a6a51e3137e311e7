import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const header = fileURLToPath(new URL("../../native/ggml/amx_tile_loadconfig.h", import.meta.url));
const compiler = process.env.CXX ?? "c++";
const canCompileAmx =
  process.arch === "x64" &&
  spawnSync(compiler, ["-x", "c++", "-mamx-tile", "-fsyntax-only", "-"], { input: "int main() {}" })
    .status === 0;

// The shape of ggml's ggml_tile_config_init(): 64 bytes, row lengths from byte 16, row counts from byte 48.
const source = `
#include <immintrin.h>
#include <cstdint>
struct Configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
void configure() {
    alignas(64) Configuration tiles = {};
    tiles.palette = 1;
    for (int i = 0; i < 8; ++i) {
        tiles.row_bytes[i] = 0x1234;
        tiles.rows[i] = 0x56;
    }
    _tile_loadconfig(&tiles);
}
void multiply(signed char* weights, void* sums) {
    weights[5] = 0x77;
    _tile_loadd(1, weights, 64);
    weights[5] = 0;
    _tile_stored(1, sums, 64);
}`;

function assembly(...options: string[]): string {
  const args = ["-x", "c++", "-std=c++17", "-O3", "-mamx-tile", ...options, "-S", "-o", "-", "-"];
  return execFileSync(compiler, args, { input: source, encoding: "utf8" });
}

// GCC folds the stores into constants; which ones it picks is its own affair, so the bytes are looked for in all.
const hasConstant = (text: string, byte: number) => {
  const repeated = BigInt(`0x${byte.toString(16).repeat(8)}`);
  return text.includes(String(repeated)) || text.includes(`$${byte}`);
};

describe.skipIf(!canCompileAmx)("the header that is included before ggml's AMX code", () => {
  it("keeps the stores to all of the tile configuration", () => {
    const text = assembly("-include", header);
    expect(text).toContain("ldtilecfg");
    expect(hasConstant(text, 0x56)).toBe(true);
  });

  it("keeps the stores to a tile before its load", () => {
    const body = /^_Z8multiply[^:]*:([\s\S]*?)\bret\b/m.exec(assembly("-include", header))?.[1] ?? "";
    const store = body.search(/movb\s+\$119/);
    expect(store).toBeGreaterThan(-1);
    expect(body.indexOf("tileloadd")).toBeGreaterThan(store);
  });
});
