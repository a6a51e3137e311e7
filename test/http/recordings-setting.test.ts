import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/service/read-settings.js";
import { parseStoreAddress } from "../../src/service/recordings/store-address.js";

describe("RECORDINGS_STORE", () => {
  it.each([
    ["/var/lib/recordings", { kind: "folder", path: "/var/lib/recordings" }],
    ["relative/folder", { kind: "folder", path: "relative/folder" }],
    ["file:///var/lib/a%20b", { kind: "folder", path: "/var/lib/a b" }],
    ["s3://calls", { kind: "s3", bucket: "calls", prefix: "" }],
    ["s3://calls/a/b", { kind: "s3", bucket: "calls", prefix: "a/b/" }],
    [
      "s3://calls/a/?region=eu-central-1&endpoint=http://minio:9000&path_style=false",
      { kind: "s3", prefix: "a/", region: "eu-central-1", endpoint: "http://minio:9000", pathStyle: false },
    ],
    ["https://crm.local/files/{id}", { kind: "http", template: "https://crm.local/files/{id}" }],
    ["http://10.0.0.1:8080/get?call={id}&as=wav", { kind: "http" }],
  ])("may be %s", (text, address) => {
    expect(parseStoreAddress(text)).toMatchObject(address);
    expect(readSettings({ RECORDINGS_STORE: text }).recordingsStore).toBe(text);
  });

  it.each([
    "https://crm.local/files/",
    "https://{id}.local/files",
    "https://crm.local:{id}/files",
    "https://user:password@crm.local/files/{id}",
    "https://crm.local/files#{id}",
    "ftp://crm.local/{id}",
    "s3://",
    "s3://x",
    "s3://calls/a b",
    "s3://calls?endpoint=ftp://minio",
    "s3://calls?endpoint=http://user:secret@minio",
    "s3://calls?regoin=eu-central-1",
    "s3://key:secret@calls",
    "file://host/share",
  ])("may not be %s", (text) => {
    expect(() => readSettings({ RECORDINGS_STORE: text })).toThrow(
      /^Wrong setting:\n {2}RECORDINGS_STORE: expected a folder, s3:\/\/bucket\/prefix, or an address/,
    );
  });

  it("is another system's where there is an authorization for it", () => {
    const authorization = { RECORDINGS_AUTHORIZATION: "Basic a-secret" };
    for (const store of [{}, { RECORDINGS_STORE: "/folder" }, { RECORDINGS_STORE: "s3://calls" }])
      expect(() => readSettings({ ...authorization, ...store })).toThrow(
        /RECORDINGS_STORE: expected another system's address, since RECORDINGS_AUTHORIZATION is set/,
      );
    expect(() => readSettings({ RECORDINGS_AUTHORIZATION: "a\nb" })).toThrow(/received 3 characters/);
  });
});
