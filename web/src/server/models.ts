import { request } from "./request.js";

/** A model that can be asked for, and what of it is in memory. */
export interface ServedModel {
  name: string;
  /** Other names that it has. */
  aliases: string[];
  isLoaded: boolean;
  /** Bytes; undefined: it is not in memory. */
  memory: number | undefined;
  /** Requests that use it. */
  requests: number;
  /** Unix seconds at which it is unloaded unless it is used; undefined: it stays, or is not there. */
  expiresAt: number | undefined;
  languages: number | undefined;
}

export interface ServedModels {
  models: ServedModel[];
  /** Bytes of those in memory, and the most that they may be. */
  memory: number;
  mostMemory: number | undefined;
}

interface Listed {
  id: string;
  model: string;
  loaded: boolean;
  languages?: string[];
}

interface InMemory {
  details: { name: string; memory_bytes: number; requests: number; expires_at: number | null }[];
  memory_bytes: number;
  max_memory_bytes: number | null;
}

/** The models of the server, its own first. */
export async function servedModels(signal?: AbortSignal): Promise<ServedModels> {
  const ask = async <T>(path: string) => (await request(path, signal ? { signal } : {})).json() as Promise<T>;
  const [{ data }, now] = await Promise.all([
    ask<{ data: Listed[] }>("/v1/models"),
    ask<InMemory>("/api/ps"),
  ]);
  const names = [...new Set(data.map(({ model }) => model))];
  return {
    memory: now.memory_bytes,
    mostMemory: now.max_memory_bytes ?? undefined,
    models: names.map((name) => {
      const listed = data.filter(({ model }) => model === name);
      const details = now.details.find((each) => each.name === name);
      return {
        name,
        aliases: listed.map(({ id }) => id).filter((id) => id !== name),
        isLoaded: listed.some(({ loaded }) => loaded),
        memory: details?.memory_bytes,
        requests: details?.requests ?? 0,
        expiresAt: details?.expires_at ?? undefined,
        languages: listed[0]?.languages?.length,
      };
    }),
  };
}

/** A model that is known by name. */
export interface KnownModel {
  name: string;
  kind: string;
  bytes: number;
  licence: string;
  description: string;
  installed: boolean;
  download: {
    received: number;
    total: number | null;
    error: { code: string; message: string } | null;
  } | null;
}

/** Models that are known by name, and whether the server may be asked to download one. */
export async function knownModels(
  signal: AbortSignal,
): Promise<{ downloads: boolean; models: KnownModel[] }> {
  return (await request("/api/models", { signal })).json() as ReturnType<typeof knownModels>;
}

/** Begins a download, or stops it. @throws Refused, Unreachable */
export async function setDownloading(name: string, isDownloading: boolean): Promise<void> {
  await request(`/api/models/${encodeURIComponent(name)}/download`, {
    method: isDownloading ? "POST" : "DELETE",
  });
}

/** Loads a model, or unloads it. @throws Refused, Unreachable */
export async function setLoaded(name: string, isLoaded: boolean): Promise<void> {
  await request(`/api/ps/${encodeURIComponent(name)}`, { method: isLoaded ? "POST" : "DELETE" });
}
