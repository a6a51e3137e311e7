import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./manifest.mjs";

const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;

/**
 * Notices of everything that the packages hold code of: those of THIRD_PARTY_LICENSES.md, and the whole texts that come
 * with the npm packages in `dist/vendor`.
 * @param {string[]} folders of those packages
 */
export function notices(folders) {
  const own = readFileSync(path.join(ROOT, "THIRD_PARTY_LICENSES.md"), "utf8").trimEnd();
  return [own, ...groups(folders.map(noticeOf)).map(section)].join("\n\n").concat("\n");
}

function noticeOf(folder) {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder).filter((name) => LICENCE_FILE.test(name));
  const texts = files.map((name) => readFileSync(path.join(folder, name), "utf8").trim());
  if (texts.length === 0) texts.push(textOf(manifest));
  return {
    name: `${manifest.name} ${manifest.version}`,
    licence: manifest.license,
    text: texts.join("\n\n"),
  };
}

/** The licence of a package that names one and does not bring its text. */
function textOf({ name, version, license, author }) {
  const holder = typeof author === "string" ? author.replace(/ *<.*>/, "") : author?.name;
  if (license !== "MIT" || !holder) throw new Error(`${name} ${version} has no text of its licence`);
  const own = readFileSync(path.join(ROOT, "LICENSE"), "utf8");
  return own.replace(/^Copyright .*$/m, `Copyright (c) ${holder}`).trim();
}

/** Packages with the same text stand together. */
function groups(all) {
  const byText = new Map();
  for (const one of all) byText.set(one.text, [...(byText.get(one.text) ?? []), one]);
  return [...byText.values()];
}

function section(group) {
  const names = group.map(({ name }) => name).join(", ");
  return `## ${names}\n\nIn \`dist/vendor\`. Licence: ${group[0].licence}\n\n${group[0].text}`;
}
