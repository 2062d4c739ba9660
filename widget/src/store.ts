import type { Store } from "./outbox";

// What the browser keeps for us. Any of it may be forbidden or full: then things last as long as the page, and no error
// reaches anybody.

/** localStorage: shared by the tabs of a site, kept over visits. */
export const local = {
  get(key: string): string | undefined {
    try {
      return localStorage.getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  },
  set(key: string, value: string | undefined): void {
    try {
      if (value === undefined) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
    } catch {
      // see above
    }
  },
};

/** sessionStorage: one tab's, kept over reloads. */
export function tabStore(): Store {
  try {
    return sessionStorage;
  } catch {
    return { getItem: () => null, setItem: () => undefined };
  }
}

const shelfMs = 24 * 3600_000; // what a closed tab left behind is swept after a day

interface Kept {
  file: Blob;
  at: number;
}

/** Files on their way, kept over reloads in IndexedDB under their message's client id. */
export class Shelf {
  private opened: Promise<IDBDatabase> | undefined;

  constructor(private name: string) {}

  put(id: string, file: Blob): Promise<void> {
    return this.run("readwrite", (s) => s.put({ file, at: Date.now() } satisfies Kept, id)).then(() => undefined);
  }

  async get(id: string): Promise<Blob | undefined> {
    const v = (await this.run("readonly", (s) => s.get(id))) as Partial<Kept> | undefined;
    return v?.file instanceof Blob ? v.file : undefined;
  }

  drop(id: string): Promise<void> {
    return this.run("readwrite", (s) => s.delete(id)).then(() => undefined);
  }

  private async run(mode: IDBTransactionMode, what: (s: IDBObjectStore) => IDBRequest): Promise<unknown> {
    try {
      const db = await (this.opened ??= this.open());
      return await finished(what(db.transaction("files", mode).objectStore("files")));
    } catch {
      return undefined; // see above
    }
  }

  private async open(): Promise<IDBDatabase> {
    const r = indexedDB.open(this.name, 1);
    r.onupgradeneeded = () => r.result.createObjectStore("files");
    const db = await finished(r);
    const all = db.transaction("files", "readwrite").objectStore("files").openCursor();
    all.onsuccess = () => {
      const at = all.result;
      if (!at) return;
      if (Date.now() - (at.value as Kept).at > shelfMs) at.delete();
      at.continue();
    };
    return db;
  }
}

function finished<T>(r: IDBRequest<T>): Promise<T> {
  return new Promise((done, fail) => {
    r.onsuccess = () => done(r.result);
    r.onerror = () => fail(r.error ?? new Error("storage"));
  });
}
