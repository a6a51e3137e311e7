import { VERSION } from "../../../index.js";
import type { Description } from "./description.js";

interface Property {
  description?: string;
  type?: string | string[];
  enum?: readonly unknown[];
  format?: string;
}

interface ObjectSchema {
  properties?: Readonly<Record<string, Property>>;
  required?: readonly string[];
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
code { font-size: 0.95em; }
summary { cursor: pointer; padding: 0.5rem 0; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: 0.25rem 0.5rem; vertical-align: top; }
.method { display: inline-block; min-width: 4.5rem; font-weight: bold; }
`;

/** The description as a page: no script, nothing from elsewhere. */
export function documentation(description: Description, nonce: string): string {
  const parts = description.operations.map(({ method, path, schema, keeping }) => {
    const fields = [schema.querystring, schema.parameters, schema.form, schema.body].map((each) =>
      rows(each as ObjectSchema | undefined),
    );
    const table = fields.some((found) => found !== "") ? `<table>${fields.join("")}</table>` : "";
    const token = keeping === "public" ? "" : "<p>For those with the token, where one is set.</p>";
    return (
      `<details><summary><span class="method">${method.toUpperCase()}</span> <code>${escaped(path)}</code> ` +
      `${escaped(schema.summary ?? "")}</summary>${schema.description ? `<p>${escaped(schema.description)}</p>` : ""}` +
      `${token}${table}</details>`
    );
  });
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>agora-transcribe</title><style nonce="${nonce}">${STYLE}</style></head><body>` +
    `<h1>agora-transcribe ${escaped(VERSION)}</h1>` +
    `<p>Clients of OpenAI's audio API work unchanged: give them this server's address and <code>/v1</code>. ` +
    `For programs: <a href="openapi.json">openapi.json</a>.</p>${parts.join("")}</body></html>\n`
  );
}

function rows(schema: ObjectSchema | undefined): string {
  return Object.entries(schema?.properties ?? {})
    .map(([name, property]) => {
      const kind = property.enum ? property.enum.join(", ") : [property.type ?? ""].flat().join(" or ");
      const isRequired = schema?.required?.includes(name) ? " (required)" : "";
      const cells = [
        `<code>${escaped(name)}</code>${isRequired}`,
        escaped(kind),
        escaped(property.description ?? ""),
      ];
      return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
    })
    .join("");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}
