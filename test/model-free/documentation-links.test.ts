import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (page: string) => readFileSync(path.join(root, page), "utf8");
const markdownIn = (folder: string) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name));
const pages = [".", "docs", "deploy", "examples", "models", "samples"]
  .flatMap(markdownIn)
  .filter((page) => page !== "THIRD_PARTY_LICENSES.md");

/** A page without its blocks of code, whose text no reader can follow. */
const prose = (page: string) => read(page).replace(/^```.*?^```/gms, "");
const blocks = (page: string) =>
  [...read(page).matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, language, code]) => ({ language, code }));
const headings = (page: string) => [...prose(page).matchAll(/^(#+) (.*)$/gm)];

/** What GitHub makes of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

function linksOf(page: string): string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

describe.each(pages)("%s", (page) => {
  it("leads nowhere that is not there", () => {
    const dead = linksOf(page)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file, anchor] = target.split("#") as [string, string?];
        const other = path.join(path.dirname(page), file);
        if (file !== "" && !existsSync(path.join(root, other))) return true;
        if (anchor === undefined) return false;
        return !headings(file === "" ? page : other).some(([, , heading]) => anchorOf(heading!) === anchor);
      });
    expect(dead).toEqual([]);
  });
});

describe("whoever reads on", () => {
  it("comes from README to every page", () => {
    const reached = new Set(["README.md"]);
    for (const page of reached) {
      const targets = linksOf(page).map((target) => path.join(path.dirname(page), target.split("#")[0]!));
      for (const target of targets) if (pages.includes(target)) reached.add(target);
    }
    expect(pages.filter((page) => !reached.has(page))).toEqual([]);
  });

  it("finds every example in the list of them", () => {
    const listed = linksOf("examples/README.md");
    const files = readdirSync(path.join(root, "examples"), { recursive: true, encoding: "utf8" });
    const examples = files.filter((name) => /^\w+\/[^/]+\.(mjs|py|go|sh|html)$/.test(name));
    expect(examples.length).toBeGreaterThan(8);
    expect(examples.filter((name) => !listed.includes(name))).toEqual([]);
  });
});

describe("README in Russian", () => {
  it("has the sections, the commands, the examples, the rows and the pictures of README", () => {
    const shape = (page: string) => ({
      headings: headings(page).map(([, level]) => level),
      blocks: blocks(page),
      rows: prose(page)
        .split("\n")
        .filter((line) => line.startsWith("|"))
        .map((line) => line.split("|").length),
      numbers: [...prose(page).matchAll(/\d+\.\d+/g)].map(([number]) => number),
      pictures: linksOf(page).filter((target) => target.endsWith(".png")),
    });
    expect(shape("README.ru.md")).toEqual(shape("README.md"));
  });

  it("leads to the same pages, or to those in Russian", () => {
    const others = ["README.md", "README.ru.md"];
    const targets = (page: string) =>
      linksOf(page)
        .map((target) => target.replace(".ru.md", ".md"))
        .filter((target) => !others.includes(target))
        .sort();
    expect(targets("README.ru.md")).toEqual(targets("README.md"));
  });
});
