import { ref } from "vue";

/** How many customers wait for a person, as the desk last heard; shown in the navigation and the tab's title. */
export const waitingCount = ref(0);
