import { expect, it } from "vitest";
import { createLog, type Level, quoted } from "../../src/service/log.js";

function logged(level: Level, write: (log: ReturnType<ReturnType<typeof createLog>>) => void): string[] {
  const lines: string[] = [];
  const at = () => new Date(2024, 0, 5, 7, 8, 9);
  write(createLog(level, (line) => lines.push(line), "text", at)("Part"));
  return lines;
}

it("writes time, name, level and message", () => {
  expect(logged("DEBUG", (log) => log.warning("Hm"))).toEqual([
    "2024-01-05 07:08:09 - Part - WARNING - Hm\n",
  ]);
});

it("leaves out what is below its level", () => {
  const all = (log: ReturnType<ReturnType<typeof createLog>>) => {
    log.debug("d");
    log.info("i");
    log.warning("w");
    log.error("e");
  };
  expect(logged("DEBUG", all)).toHaveLength(4);
  expect(logged("WARNING", all).map((line) => line.split(" - ")[2])).toEqual(["WARNING", "ERROR"]);
});

it("lets no message pass for a line of its own, or drive a terminal", () => {
  const [line] = logged("INFO", (log) =>
    log.info("one\r\n2024-01-05 07:08:09 - Part - INFO - two\x1b[31m\u202e"),
  );
  expect(line).toBe(
    "2024-01-05 07:08:09 - Part - INFO - one\n    2024-01-05 07:08:09 - Part - INFO - two\\u{1b}[31m\\u{202e}\n",
  );
});

it("quotes names, and cuts long ones", () => {
  expect(quoted('a"\n')).toBe('"a\\"\\n"');
  expect(quoted("я".repeat(300))).toBe(`"${"я".repeat(200)}…"`);
});

it("bears the id of the request that a line is about", () => {
  expect(logged("INFO", (log) => log.about("abc").info("Hm"))).toEqual([
    "2024-01-05 07:08:09 - Part - INFO - [abc] Hm\n",
  ]);
});

it("writes an object per line when it is told so", () => {
  const lines: string[] = [];
  const at = () => new Date(Date.UTC(2024, 0, 5, 7, 8, 9));
  const log = createLog("INFO", (line) => lines.push(line), "json", at)("Part");
  log.info("one\ntwo");
  log.about("abc").error("Hm");
  const time = "2024-01-05T07:08:09.000Z";
  expect(lines.every((line) => line.indexOf("\n") === line.length - 1)).toBe(true);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { time, level: "INFO", name: "Part", message: "one\ntwo" },
    { time, level: "ERROR", name: "Part", request_id: "abc", message: "Hm" },
  ]);
});
