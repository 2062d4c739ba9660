import { ref, type Ref } from "vue";
import { api, ApiError, newKey } from "../api";

export interface Sending {
  clientId: string;
  conversation: string;
  text: string;
  at: number;
  failed?: unknown;
}

/**
 * The agent's replies under way. Each keeps its client id, so sending it again never doubles it; it is dropped from here
 * once the conversation shows it. One that the server refused waits for the agent, one it did not get is tried again.
 */
export function useReplies(): { sending: Ref<Sending[]>; send: (conversation: string, text: string) => void; again: (s: Sending) => void; seen: (clientIds: Set<string>) => void } {
  const sending = ref<Sending[]>([]);

  async function deliver(s: Sending): Promise<void> {
    for (let n = 0; sending.value.some((x) => x.clientId === s.clientId); n++) {
      try {
        await api.reply(s.conversation, s.clientId, s.text);
        // It stays until it is seen in the conversation; the server has it, so at the latest now it may go.
        setTimeout(() => drop(s.clientId), 3000);
        return;
      } catch (err) {
        const passing = err instanceof ApiError && (err.status === 0 || err.status === 429 || err.status >= 500);
        if (!passing || n >= 8) {
          sending.value = sending.value.map((x) => (x.clientId === s.clientId ? { ...x, failed: err } : x));
          return;
        }
        await new Promise((done) => setTimeout(done, Math.min(8000, 400 * 2 ** n)));
      }
    }
  }

  function drop(clientId: string): void {
    sending.value = sending.value.filter((x) => x.clientId !== clientId);
  }

  return {
    sending,
    send(conversation, text) {
      const s: Sending = { clientId: newKey(), conversation, text, at: Date.now() };
      sending.value = [...sending.value, s];
      void deliver(s);
    },
    again(s) {
      sending.value = sending.value.map((x) => (x.clientId === s.clientId ? { ...x, failed: undefined } : x));
      void deliver(s);
    },
    seen(clientIds) {
      if (sending.value.some((x) => clientIds.has(x.clientId))) sending.value = sending.value.filter((x) => !clientIds.has(x.clientId));
    },
  };
}
