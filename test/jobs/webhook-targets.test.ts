import type { LookupAddress } from "node:dns";
import dns from "node:dns";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ForbiddenAddress, WebhookTargets } from "../../src/service/jobs/webhooks/targets.js";
import { readSettings } from "../../src/service/read-settings.js";

function targets({ allowed = "", isPrivate = "" } = {}): WebhookTargets {
  return new WebhookTargets(
    readSettings({ WEBHOOK_ALLOWED_HOSTS: allowed, WEBHOOK_PRIVATE_HOSTS: isPrivate }),
  );
}

const refusal = (url: string, settings?: Parameters<typeof targets>[0]) => () => targets(settings).check(url);

describe("a webhook goes to no", () => {
  it.each([
    ["this machine", "https://127.0.0.1/"],
    ["this machine, in hexadecimal", "https://0x7f000001/"],
    ["this machine, as one number", "https://2130706433/"],
    ["this machine, in octal", "https://0177.0.0.1/"],
    ["this machine, shortened", "https://127.1/"],
    ["this machine, in circles", "https://①②⑦.0.0.1/"],
    ["this machine, by IPv6", "https://[::1]/"],
    ["this machine, mapped", "https://[::ffff:127.0.0.1]/"],
    ["this machine, mapped in hexadecimal", "https://[::ffff:7f00:1]/"],
    ["this machine, in IPv6's old way", "https://[::127.0.0.1]/"],
    ["this machine, by name", "https://localhost/"],
    ["this machine, by a name below it", "https://a.localhost/"],
    ["this machine, by name with a dot", "https://localhost./"],
    ["any address", "https://0.0.0.0/"],
    ["network 0", "https://0.1.2.3/"],
    ["any address of IPv6", "https://[::]/"],
    ["10/8", "https://10.255.255.255/"],
    ["100.64/10", "https://100.64.0.1/"],
    ["metadata of clouds", "https://169.254.169.254/latest/meta-data/"],
    ["metadata by name", "https://metadata.google.internal/"],
    ["172.16/12", "https://172.31.255.255/"],
    ["192.168/16", "https://192.168.1.1/"],
    ["198.18/15", "https://198.19.0.1/"],
    ["multicast", "https://224.0.0.1/"],
    ["reserved addresses", "https://240.0.0.1/"],
    ["broadcast", "https://255.255.255.255/"],
    ["fc00::/7", "https://[fd12:3456::1]/"],
    ["fe80::/10", "https://[fe80::1]/"],
    ["IPv4 by NAT64", "https://[64:ff9b::7f00:1]/"],
    ["IPv4 by 6to4", "https://[2002:7f00:1::]/"],
    ["neighbour", "https://printer.local/"],
  ])("%s", (_, url) => {
    expect(refusal(url)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        option: "webhook_url",
        message: expect.stringContaining("private"),
      }),
    );
  });

  it.each([
    ["URL without TLS", "http://example.org/", /https:/],
    ["other scheme", "ftp://example.org/", /https:/],
    ["file", "file:///etc/passwd", /URL/],
    ["script", "javascript:alert(1)", /URL/],
    ["user", "https://user@example.org/", /without user/],
    ["password", "https://user:secret@example.org/", /without user/],
    ["other port", "https://example.org:22/", /443 or 80/],
    ["nonsense", "not a URL", /URL/],
    ["endless URL", `https://example.org/${"a".repeat(2000)}`, /at most 2000/],
  ])("%s", (_, url, message) => {
    expect(refusal(url)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        option: "webhook_url",
        message: expect.stringMatching(message),
      }),
    );
    // Whoever reads a log learns no password.
    expect(refusal(url)).not.toThrow(/secret/);
  });
});

describe("a webhook goes to", () => {
  it.each([
    "https://example.org/hook?a=1",
    "https://example.org:443/",
    "https://example.org:80/",
    "https://8.8.8.8/",
    "https://172.15.0.1/",
    "https://172.32.0.1/",
    "https://[2606:4700::1111]/",
    "https://ПРИМЕР.рф/",
  ])("%s", (url) => {
    expect(targets().check(url)).toBeInstanceOf(URL);
  });

  it("private hosts that the operator names, in the clear too, and to no other of them", () => {
    const settings = { isPrivate: "127.0.0.1:8080,crm.local,[::1]:9,*.corp.example" };
    for (const url of [
      "http://127.0.0.1:8080/",
      "http://crm.local/",
      "https://CRM.local:7777/",
      "http://[::1]:9/",
      "http://a.b.corp.example/",
    ])
      expect(targets(settings).check(url)).toBeInstanceOf(URL);
    for (const url of [
      "http://127.0.0.1:8081/",
      "http://127.0.0.1/",
      "https://127.0.0.2:8080/",
      "http://crm.local.example.org/",
      "http://evil-corp.example/",
      "http://[::1]:10/",
    ])
      expect(refusal(url, settings)).toThrow(/Expected/);
  });

  it("hosts that are allowed alone, where some are, at their ports", () => {
    const settings = { allowed: "hooks.example.org,*.example.com,example.net:8443", isPrivate: "10.0.0.1" };
    for (const url of ["https://hooks.example.org/", "https://a.example.com/", "https://example.net:8443/"])
      expect(targets(settings).check(url)).toBeInstanceOf(URL);
    for (const url of [
      "https://example.org/",
      "https://example.com/",
      "https://example.net/",
      "https://hooks.example.org:8443/",
      "http://10.0.0.1/",
    ])
      expect(refusal(url, settings)).toThrow(/Expected/);
  });
});

describe("a name that leads to", () => {
  function lookedUp(addresses: string[], all: boolean, settings?: Parameters<typeof targets>[0]) {
    const found: LookupAddress[] = addresses.map((address) => ({
      address,
      family: address.includes(":") ? 6 : 4,
    }));
    const spy = vi
      .spyOn(dns, "lookup")
      .mockImplementation(((
        _: string,
        options: { all?: boolean },
        callback: (...answer: unknown[]) => void,
      ) =>
        options.all
          ? callback(null, found)
          : callback(null, found[0]!.address, found[0]!.family)) as unknown as typeof dns.lookup);
    onTestFinished(() => spy.mockRestore());
    const lookup = targets(settings).lookupFor(new URL("https://rebound.example/"));
    return new Promise((resolve) =>
      lookup("rebound.example", { all }, (error, address, family) => resolve(error ?? [address, family])),
    );
  }

  it.each([
    ["a private address", ["10.0.0.1"]],
    ["a private address among others", ["8.8.8.8", "192.168.0.1"]],
    ["this machine by IPv6", ["::1"]],
    ["this machine, mapped", ["::ffff:127.0.0.1"]],
    ["the metadata of a cloud", ["169.254.169.254"]],
  ])("%s leads nowhere", async (_, addresses) => {
    for (const all of [true, false]) expect(await lookedUp(addresses, all)).toBeInstanceOf(ForbiddenAddress);
  });

  it("a public address is followed, and a private one where the operator names the host", async () => {
    expect(await lookedUp(["8.8.8.8"], false)).toEqual(["8.8.8.8", 4]);
    expect(await lookedUp(["8.8.8.8"], true)).toEqual([[{ address: "8.8.8.8", family: 4 }], undefined]);
    expect(await lookedUp(["10.0.0.1"], false, { isPrivate: "rebound.example" })).toEqual(["10.0.0.1", 4]);
  });
});
