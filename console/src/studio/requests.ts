// What the knowledge pages ask of the server.
import { request, type Entry, type EntryInput, type HitTest, type Page, type Unanswered } from "../api";
import type { components } from "../schema";

type Schemas = components["schemas"];
export type EntryFilter = Schemas["EntryFilter"];
export type Bulk = Schemas["BulkInputBody"];
export type BulkReport = Schemas["BulkReport"];
export type CategoryCount = Schemas["CategoryCount"];
export type Columns = Schemas["Columns"];
export type Import = Schemas["Import"];
export type Preview = Schemas["Preview"];
export type Shift = Schemas["PreviewShift"];
export type ChangedEntry = Schemas["ChangedEntry"];
export type Candidate = Schemas["HitCandidate"];

export interface StartImport {
  format: string;
  name: string;
  zone: string;
  mapping: Record<string, string | string[]>;
  dryRun: boolean;
}

const id = encodeURIComponent;

export const studio = {
  entries: (query: EntryFilter & { sort?: string; cursor?: string; limit?: number }, signal?: AbortSignal) => request<Page<Entry>>("GET", "/v1/knowledge", { query, signal }),
  entry: (e: string, signal?: AbortSignal) => request<Entry>("GET", `/v1/knowledge/${id(e)}`, { signal }),
  add: (body: EntryInput & { id?: string }) => request<Entry>("POST", "/v1/knowledge", { body }),
  /** Refused with who was faster when the entry is no longer `version`. */
  put: (e: string, body: EntryInput, version: number) => request<Entry>("PUT", `/v1/knowledge/${id(e)}`, { body, headers: { "If-Match": String(version) } }),
  categories: (signal?: AbortSignal) => request<Page<CategoryCount>>("GET", "/v1/knowledge/categories", { signal }),
  bulk: (body: Bulk) => request<BulkReport>("POST", "/v1/knowledge/bulk", { body }),
  undoRelease: (release: number) => request<{ release: number }>("POST", `/v1/knowledge/releases/${release}/undo`, { body: {} }),
  preview: (body: Schemas["PreviewInputBody"], signal?: AbortSignal) => request<Preview>("POST", "/v1/knowledge/preview", { body, signal, once: false }),
  test: (text: string, lang?: string, signal?: AbortSignal) => request<HitTest>("POST", "/v1/knowledge/test", { body: { text, lang }, signal, once: false }),

  unanswered: (query: { status?: string; q?: string; sort?: string; cursor?: string; limit?: number }, signal?: AbortSignal) => request<Page<Unanswered>>("GET", "/v1/unanswered", { query, signal }),
  settle: (u: string, body: Schemas["Settlement"]) => request<Unanswered>("POST", `/v1/unanswered/${id(u)}`, { body }),

  columns: (file: File, format: string) => request<Columns>("POST", "/v1/imports/columns", { query: { format }, raw: bytes(file), once: false }),
  startImport: (file: File, s: StartImport) =>
    request<Import>("POST", "/v1/imports", { query: { format: s.format, name: s.name, zone: s.zone, mapping: JSON.stringify(s.mapping), dry_run: s.dryRun }, raw: bytes(file) }),
  imports: (query: { cursor?: string; limit?: number }, signal?: AbortSignal) => request<Page<Import>>("GET", "/v1/imports", { query, signal }),
  import: (i: string, signal?: AbortSignal) => request<Import>("GET", `/v1/imports/${id(i)}`, { signal }),
  undoImport: (i: string) => request<Import>("POST", `/v1/imports/${id(i)}/undo`, { body: {} }),
};

/** The file as plain bytes: what a browser believes it to be is no part of the request. */
const bytes = (file: File): Blob => file.slice(0, file.size, "application/octet-stream");
