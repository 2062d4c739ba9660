// Where one can go, and what is needed for it. Navigation, palette, search and the router's guard all read this one list.
import type { IconName } from "../ui/icon.vue";
import { may } from "../session";

export interface Place {
  name: string; // of the route; its label is `nav.<name>`
  icon: IconName;
  permission: string;
  key: string; // after g
  here: readonly string[]; // routes that belong to it
}

export const places: readonly Place[] = [
  { name: "home", icon: "home", permission: "insight.read", key: "h", here: ["home"] },
  { name: "desk", icon: "desk", permission: "conversation.read", key: "d", here: ["desk"] },
  { name: "knowledge", icon: "book", permission: "knowledge.read", key: "k", here: ["knowledge", "unanswered", "entry", "import", "test"] },
  { name: "settings", icon: "settings", permission: "site.read", key: "s", here: ["settings"] },
];

export const placesFor = (): Place[] => places.filter((p) => may(p.permission));

/** The page a person begins on: agents at their desk, who may see the figures at home. */
export function landing(roles: readonly string[]): string {
  const open = placesFor().map((p) => p.name);
  const first = roles.length > 0 && roles.every((r) => r === "agent") ? "desk" : "home";
  return open.includes(first) ? first : (open[0] ?? "profile");
}
