// What the settings ask of the server.
import { request, type ApiKey, type MadeKey, type Page, type Site, type Staff } from "../api";
import type { components } from "../schema";

type Schemas = components["schemas"];
export type SiteChange = Schemas["PatchSiteInputBody"];
export type Hours = Schemas["Hours"];
export type Rights = Schemas["Rights"];
export type Hire = Schemas["HireInputBody"];
export type StaffChange = Schemas["StaffChangeInputBody"];
export type Webhook = Schemas["Webhook"];
export type WebhookInput = Schemas["WebhookInput"];
export type MadeWebhook = Schemas["MadeWebhook"];
export type Delivery = Schemas["Delivery"];
export type Secrets = Schemas["IdentitySecrets"];

const id = encodeURIComponent;

export const admin = {
  sites: (signal?: AbortSignal) => request<Page<Site>>("GET", "/v1/sites", { signal }),
  site: (s: string, signal?: AbortSignal) => request<Site>("GET", `/v1/sites/${id(s)}`, { signal }),
  addSite: (body: Schemas["SiteInput"]) => request<Site>("POST", "/v1/sites", { body }),
  changeSite: (s: string, base: number, body: SiteChange) => request<Site>("PATCH", `/v1/sites/${id(s)}`, { query: { base }, body }),
  deleteSite: (s: string) => request<void>("DELETE", `/v1/sites/${id(s)}`),
  setLogo: (s: string, file: File) => request<Site>("PUT", `/v1/sites/${id(s)}/logo`, { query: { name: file.name.slice(0, 200) }, raw: file.slice(0, file.size, "application/octet-stream") }),
  rotateSecret: (s: string, drop: boolean) => request<Secrets>("POST", `/v1/sites/${id(s)}/secret`, { body: { drop } }),

  staff: (signal?: AbortSignal, cursor?: string) => request<Page<Staff>>("GET", "/v1/staff", { query: { limit: 200, cursor }, signal }),
  hire: (body: Hire) => request<Staff>("POST", "/v1/staff", { body }),
  changeStaff: (s: string, body: StaffChange) => request<Staff>("PATCH", `/v1/staff/${id(s)}`, { body }),
  setPassword: (s: string, password: string) => request<void>("PUT", `/v1/staff/${id(s)}/password`, { body: { password } }),
  signOutStaff: (s: string) => request<void>("DELETE", `/v1/staff/${id(s)}/sessions`),
  deleteStaff: (s: string) => request<void>("DELETE", `/v1/staff/${id(s)}`),
  rights: (signal?: AbortSignal) => request<Rights>("GET", "/v1/roles", { signal }),

  keys: (signal?: AbortSignal) => request<Page<ApiKey>>("GET", "/v1/keys", { query: { limit: 200 }, signal }),
  addKey: (body: Schemas["KeyInputBody"]) => request<MadeKey>("POST", "/v1/keys", { body }),
  revokeKey: (k: string) => request<void>("DELETE", `/v1/keys/${id(k)}`),

  webhooks: (signal?: AbortSignal) => request<Page<Webhook>>("GET", "/v1/webhooks", { signal }),
  webhook: (w: string, signal?: AbortSignal) => request<Webhook>("GET", `/v1/webhooks/${id(w)}`, { signal }),
  addWebhook: (body: WebhookInput) => request<MadeWebhook>("POST", "/v1/webhooks", { body }),
  putWebhook: (w: string, body: WebhookInput) => request<Webhook>("PUT", `/v1/webhooks/${id(w)}`, { body }),
  deleteWebhook: (w: string) => request<void>("DELETE", `/v1/webhooks/${id(w)}`),
  deliveries: (w: string, cursor?: string, signal?: AbortSignal) => request<Page<Delivery>>("GET", `/v1/webhooks/${id(w)}/deliveries`, { query: { limit: 50, cursor }, signal }),
  replay: (w: string, d: string) => request<void>("POST", `/v1/webhooks/${id(w)}/deliveries/${id(d)}/replay`, { body: {} }),
  testWebhook: (w: string) => request<void>("POST", `/v1/webhooks/${id(w)}/test`, { body: {} }),
  rotateWebhook: (w: string, hours: number) => request<Schemas["RotatedSecret"]>("POST", `/v1/webhooks/${id(w)}/secret`, { body: { hours } }),
  eventTypes: (signal?: AbortSignal) => request<Page<string>>("GET", "/v1/events/types", { signal }),
};

/** A password to begin with, without signs that are easily mistaken for each other. */
export function firstPassword(): string {
  const letters = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  const word = (): string => Array.from(crypto.getRandomValues(new Uint8Array(4)), (b) => letters[b % letters.length]).join("");
  return [word(), word(), word(), word()].join("-");
}

/** The rights in the order in which a person would look for them; what is not here comes after. */
const order = ["conversation.", "trace.", "knowledge.", "bot.", "insight.", "site.", "staff.", "key.", "webhook.", "event.", "sealed.", "person."];
export function inOrder(permissions: readonly string[]): string[] {
  const at = (p: string): number => (order.findIndex((o) => p.startsWith(o)) + 100) % 100;
  return [...permissions].sort((a, b) => at(a) - at(b));
}
