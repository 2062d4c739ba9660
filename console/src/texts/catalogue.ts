// Every word of the console, each text beside its translation, so that neither is forgotten. One file an area of pages.
import type { Area } from "./area";
import { common, error, missing, nav } from "./common";
import { desk } from "./desk";
import { setup, signIn } from "./door";
import { gallery } from "./gallery";
import { home } from "./home";
import { importing, knowledge, test } from "./knowledge";
import { settings } from "./settings";
import { ui } from "./shell";

export const catalogue = {
  common,
  error,
  nav,
  missing,
  ui,
  setup,
  signIn,
  desk,
  knowledge,
  import: importing,
  test,
  home,
  settings,
  gallery,
} satisfies Area;
