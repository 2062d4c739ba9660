import { ApiError } from "./api";

type Translate = (key: string, values?: Record<string, unknown>) => string;

/** Says in the reader's words what failed; the server's own text where it has one, since it names the field. */
export function explain(err: unknown, t: Translate): string {
  if (!(err instanceof ApiError)) return t("error.unknown");
  if (err.status === 0) return t("error.unreachable");
  if (err.status === 403) return t("error.denied");
  if (err.status === 429) return t("error.limited");
  if (err.message && err.status < 500) return err.message;
  if (err.status === 404) return t("error.missing");
  if (err.status >= 500) return err.requestId ? t("error.serverWith", { id: err.requestId }) : t("error.server");
  return t("error.unknown");
}
