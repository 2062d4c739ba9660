import { computed, ref, type Ref } from "vue";
import { ApiError, newKey } from "../api";
import { desk, type Attachment } from "./requests";

/** A file on its way to the server, or there already and waiting to be sent with the reply. */
export interface Upload {
  key: string;
  name: string;
  size: number;
  preview: string; // address of the picture, empty for what is none
  done?: Attachment;
  failed?: unknown;
}

export const maxBytes = 10 * 1024 * 1024;
export const maxFiles = 10;

/** What a browser shows in place without running anything in it. An SVG can hold script and is none of them. */
export function isPicture(type: string): boolean {
  return /^image\/(png|jpeg|gif|webp)$/.test(type);
}

export function sizeText(bytes: number, locale: string): string {
  const [n, unit] = bytes >= 1_000_000 ? [bytes / 1_000_000, "megabyte"] : [bytes / 1000, "kilobyte"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: n < 10 ? 1 : 0 }).format(n);
}

/** The files of one conversation's reply. They upload at once and are tried again while the server is away. */
export class Uploads {
  readonly all: Ref<Upload[]> = ref([]);
  readonly ready = computed(() => this.all.value.flatMap((u) => (u.done ? [u.done] : [])));
  readonly busy = computed(() => this.all.value.some((u) => !u.done && !u.failed));
  private stops = new Map<string, AbortController>();

  /** Takes what fits; says why the rest does not. */
  add(files: readonly File[]): "too_large" | "too_many" | "empty" | undefined {
    let refused: "too_large" | "too_many" | "empty" | undefined;
    for (const f of files) {
      if (this.all.value.length >= maxFiles) return "too_many";
      if (f.size > maxBytes) refused = "too_large";
      else if (f.size === 0) refused = "empty";
      else this.begin(f);
    }
    return refused;
  }

  private begin(file: File): void {
    const u: Upload = { key: newKey(), name: file.name, size: file.size, preview: isPicture(file.type) ? URL.createObjectURL(file) : "" };
    this.all.value = [...this.all.value, u];
    void this.run(u.key, file);
  }

  private async run(key: string, file: File): Promise<void> {
    const stop = new AbortController();
    this.stops.set(key, stop);
    for (let n = 0; !stop.signal.aborted; n++) {
      try {
        this.set(key, { done: await desk.upload(file, stop.signal) });
        return;
      } catch (err) {
        if (stop.signal.aborted) return;
        const passing = err instanceof ApiError && (err.status === 0 || err.status === 429 || err.status >= 500 || err.status === 401);
        if (!passing || n >= 20) return this.set(key, { failed: err });
        await new Promise((done) => setTimeout(done, Math.min(8000, 500 * 2 ** n)));
      }
    }
  }

  private set(key: string, part: Partial<Upload>): void {
    this.all.value = this.all.value.map((u) => (u.key === key ? { ...u, ...part } : u));
  }

  remove(key: string): void {
    this.stops.get(key)?.abort();
    const u = this.all.value.find((x) => x.key === key);
    if (u?.preview) URL.revokeObjectURL(u.preview);
    this.all.value = this.all.value.filter((x) => x.key !== key);
  }

  /** Puts back what was handed over and could not be sent. */
  restore(attachments: readonly Attachment[]): void {
    const back = attachments.map((a): Upload => ({ key: newKey(), name: a.name ?? "", size: a.size, preview: isPicture(a.type) ? `/v1/attachments/${encodeURIComponent(a.id)}` : "", done: a }));
    this.all.value = [...back, ...this.all.value];
  }

  /** Hands over what is uploaded, and begins empty. */
  take(): Attachment[] {
    const out = this.ready.value;
    for (const u of this.all.value) this.remove(u.key);
    return out;
  }
}

const kept = new Map<string, Uploads>();

/** The files of a conversation's reply; they stay while another conversation is looked at. */
export function uploadsOf(conversation: string): Uploads {
  let u = kept.get(conversation);
  if (!u) kept.set(conversation, (u = new Uploads()));
  return u;
}
