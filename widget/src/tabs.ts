/** What the tabs of one site tell each other, beside what the server tells each of them. */
export interface TabNews {
  seen?: { conversation: string; seq: number };
  rated?: { conversation: string; seq: number; solved: boolean; reason?: string };
  satisfied?: { conversation: string };
  conversation?: string; // a session was opened: another tab in another conversation follows
}

/** A channel between the tabs of a site; in a browser without one, each tab is alone. */
export class Tabs {
  private channel: BroadcastChannel | undefined;

  constructor(site: string, hear: (n: TabNews) => void) {
    try {
      this.channel = new BroadcastChannel(`frontdesk:${site}`);
      this.channel.onmessage = (e: MessageEvent<unknown>) => {
        if (typeof e.data === "object" && e.data !== null) hear(e.data as TabNews);
      };
    } catch {
      // alone
    }
  }

  tell(n: TabNews): void {
    this.channel?.postMessage(n);
  }

  close(): void {
    this.channel?.close();
  }
}
