// Pictures of the page, made of bundled samples with Chromium (AGORA_CHROMIUM, /usr/bin/chromium); needs a whole build.
//
//   node scripts/page-pictures.mjs             the two of docs/images
//   node scripts/page-pictures.mjs --all DIR   each view in both languages, light and dark, at 360 and 1440 pixels;
//                                              with names of views after that, those alone
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { startServer } from "../dist/server/index.js";

const inRepository = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { positionals, values } = parseArgs({ allowPositionals: true, options: { all: { type: "string" } } });
const { all } = values;
const CALL = inRepository("samples/sales-call-ru.stereo.wav");
const OTHER = inRepository("samples/sales-call-en.stereo.wav");

const folder = mkdtempSync(join(tmpdir(), "agora-pictures-"));
const server = await startServer(
  {
    model: "demo",
    grpc: false,
    httpHost: "127.0.0.1",
    httpPort: 0,
    recordingsStore: join(folder, "recordings"),
    jobsFolder: join(folder, "jobs"),
    modelDownloads: true,
  },
  { log: () => {} },
);
const url = `http://127.0.0.1:${server.httpPort}`;
const browser = await chromium.launch({
  executablePath: process.env.AGORA_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-audio-capture=${inRepository("samples/sales-call-ru.wav")}%noloop`,
  ],
});

/** A page as a visitor of that kind has it. */
async function open(language, colorScheme, width, height = 900) {
  const locale = language === "ru" ? "ru-RU" : "en-US";
  const page = await browser.newPage({ locale, colorScheme, viewport: { width, height } });
  await page.goto(url);
  return page;
}

/** Has the server transcribe both calls, and says who speaks in the Russian one. @returns its address */
async function prepare() {
  const page = await open("en", "light", 1440);
  await page.setInputFiles("input[type=file]", OTHER);
  await page.locator(".state.succeeded").waitFor();
  if (all !== undefined) {
    const [name, mimeType, buffer] = ["minutes.pdf", "application/pdf", Buffer.from("%PDF-1.7 no sound")];
    await page.setInputFiles("input[type=file]", { name, mimeType, buffer });
    await page.locator(".row .failed").waitFor();
  }
  await page.setInputFiles("input[type=file]", CALL);
  await page.locator(".state.succeeded").nth(1).waitFor();
  await page.locator(".row a.name").first().click();
  for (const [index, role] of ["seller", "client"].entries()) {
    await page.locator(".talk-time button.name").nth(index).click();
    await page.locator(".speaker-form select").first().selectOption(role);
    await page.locator(".speaker-form button[type=submit]").click();
    await page.locator("dialog").waitFor({ state: "detached" });
  }
  await page.waitForTimeout(500);
  const { hash } = new URL(page.url());
  await page.close();
  return hash;
}

/** Views by what they are called, each as what brings a page there. */
const views = (call) => ({
  queue: async (page) => page.locator(".row").nth(1).waitFor(),
  picker: async (page) => {
    await page.locator(".buttons button").nth(1).click();
    await page.locator(".picker li").nth(1).waitFor();
    await page.locator(".picker li").first().click();
  },
  call: async (page) => {
    await page.goto(`${url}/${call}@11.5`);
    await page.locator(".turn").nth(3).waitFor();
    await page.waitForTimeout(500);
  },
  correcting: async (page) => {
    await page.goto(`${url}/${call}@4.6`);
    await page.locator(".turn").nth(3).waitFor();
    await page.getByRole("checkbox", { name: /^(Correct|Исправлять)$/ }).check();
    await page.keyboard.press("e");
  },
  speaker: async (page) => {
    await page.goto(`${url}/${call}`);
    await page.locator(".turn").nth(3).waitFor();
    await page.locator(".talk-time button.name").first().click();
  },
  keys: async (page) => {
    await page.goto(`${url}/${call}`);
    await page.locator(".turn").nth(3).waitFor();
    await page.keyboard.press("?");
  },
  live: async (page) => {
    await page.goto(`${url}/#/live`);
    await page.locator(".live button").first().click();
    await page.locator(".unsettled, [role=log] p").first().waitFor();
    await page.waitForTimeout(4000);
  },
  server: async (page) => {
    await page.goto(`${url}/#/server`);
    await page.waitForTimeout(7000);
  },
  models: async (page) => {
    await page.goto(`${url}/#/models`);
    await page.locator(".models .row").first().waitFor();
  },
});

async function picture(view, language, colorScheme, size, path) {
  const page = await open(language, colorScheme, ...size);
  await view(page);
  await page.screenshot({ path });
  await page.close({ runBeforeUnload: false });
}

try {
  const call = await prepare();
  const each = views(call);
  if (all !== undefined) {
    mkdirSync(all, { recursive: true });
    const wanted = Object.entries(each).filter(
      ([name]) => positionals.length === 0 || positionals.includes(name),
    );
    for (const [name, view] of wanted)
      for (const [language, scheme, width] of [
        ["ru", "light", 1440],
        ["en", "dark", 1440],
        ["en", "light", 360],
        ["ru", "dark", 360],
      ])
        await picture(
          view,
          language,
          scheme,
          [width],
          join(all, `${name}-${language}-${scheme}-${width}.png`),
        );
  } else {
    const images = inRepository("docs/images");
    mkdirSync(images, { recursive: true });
    await picture(each.call, "en", "light", [1200, 720], join(images, "page-call.png"));
    await picture(each.live, "ru", "dark", [1200, 480], join(images, "page-microphone.png"));
  }
} finally {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
