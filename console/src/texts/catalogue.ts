// Every word of the console, each text beside its translation, so that neither is forgotten. One file an area of pages.
import type { Area } from "./area";
import { common, error, missing, nav } from "./common";
import { desk } from "./desk";
import { guide, profile, setup, signIn } from "./door";
import { gallery } from "./gallery";
import { home } from "./home";
import { conflict, effect, importing, knowledge, test, unanswered } from "./knowledge";
import { settings } from "./settings";
import { palette, search, shell, shortcuts, ui } from "./shell";

export const catalogue = {
  common,
  error,
  nav,
  missing,
  ui,
  shell,
  search,
  palette,
  shortcuts,
  setup,
  signIn,
  guide,
  profile,
  desk,
  knowledge,
  effect,
  conflict,
  unanswered,
  import: importing,
  test,
  home,
  settings,
  gallery,
} satisfies Area;
