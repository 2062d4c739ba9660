import { ref } from "vue";
import { api } from "../api";

/** How many customers wait for a person, as last heard; shown in the navigation and the tab's title. */
export const waitingCount = ref(0);

const most = 200; // more than that waiting is shown as that

/** Asks how many wait. A failure leaves the number as it was: whoever shows the list says what failed. */
export async function countWaiting(): Promise<void> {
  try {
    waitingCount.value = (await api.conversations({ owner: "queue", limit: most })).items.length;
  } catch {
    return;
  }
}
