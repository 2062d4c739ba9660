/** What the host page can listen to. */
export interface HostEvents {
  open: undefined;
  close: undefined;
  message: { seq: number; from: string; text: string }; // somebody else's, as it comes
  unread: number;
  owner: string; // bot, queue, agent, closed
  identity: undefined; // the identity was refused, most often because it has expired: identify again
}

type Listener<K extends keyof HostEvents> = (value: HostEvents[K]) => void;

/** Tells the host page's listeners; one that throws is the host's own trouble and stops nobody else. */
export class Announcer {
  private listeners = new Map<keyof HostEvents, Set<(value: never) => void>>();

  /** Listens, until the returned function is called. */
  on<K extends keyof HostEvents>(event: K, listener: Listener<K>): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set.add(listener));
    return () => set.delete(listener);
  }

  tell<K extends keyof HostEvents>(event: K, value: HostEvents[K]): void {
    for (const listener of this.listeners.get(event) ?? []) {
      try {
        (listener as Listener<K>)(value);
      } catch (err) {
        console.error("Frontdesk: a listener of the page failed", err);
      }
    }
  }
}
