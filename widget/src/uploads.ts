import { backoff, Refusal, type Environment } from "./connection";
import type { Outbox, Pending } from "./outbox";
import type { Attachment } from "./protocol";

/** How the bytes reach the server. */
export interface UploadWire {
  upload(name: string, file: Blob, progress: (part: number) => void, gone: AbortSignal): Promise<Attachment>;
}

/** Where files survive a reload. */
export interface FileShelf {
  put(id: string, file: Blob): Promise<void>;
  get(id: string): Promise<Blob | undefined>;
  drop(id: string): Promise<void>;
}

export interface UploadListener {
  ready(): boolean; // there is a session and a way to the server; start is called when that changes
  changed(): void;
  uploaded(): void; // a message can be sent now
  expired(): void; // the session is gone; it goes on when start is called under a new one
}

const refusalsMax = 6; // answers of a server in trouble before the customer is asked to try again

/** The types that are shown in place; everything else is a file to be downloaded. */
export const pictureTypes: readonly string[] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/**
 * Brings the files of the outbox to the server, and makes messages of them. What a lost network or a restarting server
 * cuts off is tried again for as long as it takes; what the server refuses is failed, with the reason.
 */
export class Uploads {
  private files = new Map<string, Blob>();
  private running = new Map<string, { gone: AbortController; part: number }>();
  private tries = new Map<string, number>();
  private waits = new Map<string, () => void>();
  private shown = new Map<string, Blob>(); // by attachment: what came from here need not be fetched

  constructor(
    private wire: UploadWire,
    private outbox: Outbox,
    private shelf: FileShelf,
    private env: Environment,
    private on: UploadListener,
  ) {}

  add(clientId: string, file: File, at: number): void {
    this.files.set(clientId, file);
    void this.shelf.put(clientId, file);
    this.outbox.addFile(clientId, file, at);
    this.start();
  }

  /** Begins, or goes on with, everything that is to go up. */
  start(): void {
    if (!this.on.ready()) return;
    for (const p of this.outbox.all) {
      if (p.state !== "uploading" || this.running.has(p.clientId)) continue;
      this.waits.get(p.clientId)?.();
      this.waits.delete(p.clientId);
      void this.run(p);
    }
  }

  /** How far a file is, 0 to 1. */
  progress(clientId: string): number {
    return this.running.get(clientId)?.part ?? 0;
  }

  /** The bytes of a message or an attachment that this page sent, to show them at once. */
  file(clientId: string | undefined, attachment?: string): Blob | undefined {
    return (clientId && this.files.get(clientId)) || (attachment && this.shown.get(attachment)) || undefined;
  }

  cancel(clientId: string): void {
    this.running.get(clientId)?.gone.abort();
    this.running.delete(clientId);
    this.waits.get(clientId)?.();
    this.waits.delete(clientId);
    this.outbox.remove(clientId);
    this.files.delete(clientId);
    this.tries.delete(clientId);
    void this.shelf.drop(clientId);
    this.on.changed();
  }

  private async run(p: Pending): Promise<void> {
    const id = p.clientId;
    const run = { gone: new AbortController(), part: 0 };
    this.running.set(id, run);
    const mine = (): boolean => this.running.get(id) === run && !run.gone.signal.aborted;
    try {
      const file = this.files.get(id) ?? (await this.shelf.get(id));
      if (!mine()) return;
      if (!file) {
        this.outbox.failed(id, "fileLost");
        return;
      }
      this.files.set(id, file);
      const told = (part: number): void => {
        run.part = part;
        if (mine()) this.on.changed();
      };
      const attachment = await this.wire.upload(p.file?.name ?? "", file, told, run.gone.signal);
      if (!mine()) return;
      this.shown.set(attachment.id, file);
      this.tries.delete(id);
      void this.shelf.drop(id); // the server has it; this page keeps it to show it
      this.outbox.uploaded(id, [{ kind: pictureTypes.includes(attachment.type) ? "image" : "file", attachment }]);
      this.on.uploaded();
    } catch (err) {
      if (mine()) this.failed(id, err);
    } finally {
      if (this.running.get(id) === run) this.running.delete(id);
      this.on.changed();
    }
  }

  private failed(id: string, err: unknown): void {
    const tries = (this.tries.get(id) ?? 0) + 1;
    this.tries.set(id, tries);
    if (err instanceof Refusal) {
      if (err.status === 401) return this.on.expired();
      if (!err.passing) return this.outbox.failed(id, err.status === 413 ? "fileSize" : "fileRefused");
      if (tries >= refusalsMax) {
        this.tries.delete(id);
        return this.outbox.failed(id, "fileFailed");
      }
    }
    const wait = Math.max(backoff(tries, this.env.random), err instanceof Refusal ? err.retryAfterMs : 0);
    this.waits.set(
      id,
      this.env.timer(wait, () => {
        this.waits.delete(id);
        this.start();
      }),
    );
  }
}
