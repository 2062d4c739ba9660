import type { Attachment, Form, Message, Queue, Owner } from "./protocol";
import type { Status } from "./connection";
import type { Pending } from "./outbox";
import type { Language, Translate } from "./texts";

/** All that is shown, in one value; the panel draws it and keeps nothing of its own but focus, scroll and what is half written. */
export interface View {
  language: Language;
  title: string;
  logo?: string; // address of a picture
  greeting: string;
  notice: string;
  suggestions: string[];
  placeholder: string;
  known: boolean; // the site's texts are here
  open: boolean; // business hours
  opensAt: number;
  maxChars: number;
  status: Status;
  trouble: "offline" | "reconnecting" | undefined; // only when it lasts
  owner: Owner;
  queue?: Queue;
  agent: string;
  typing: "bot" | "agent" | undefined;
  messages: readonly Message[];
  more: boolean; // older ones on the server
  older: "idle" | "loading" | "failed";
  pending: readonly Pending[];
  survey: Survey | undefined;
  unread: number;
  isOpen: boolean;
}

/** How the chat was: asked at its end. */
export interface Survey {
  state: "ask" | "sending" | "failed" | "done";
}

/** What the customer said of an answer. */
export interface Rating {
  solved: boolean;
  reason?: string;
}

/** What can be done from within the conversation. */
export interface Acts {
  say(text: string): void;
  human(): void;
  retry(clientId: string): void;
  discard(clientId: string): void;
  edit(clientId: string): void; // puts its words back into the box
  rate(seq: number, solved: boolean, reason?: string): void;
  satisfied(score: number, comment: string): void;
  submit(seq: number, form: Form, values: Record<string, string>): void;
  older(): void;
}

/** What drawing needs from around it. */
export interface Scene extends Acts {
  t: Translate;
  language: Language;
  now: () => number; // by the server's clock
  rating: (m: Message) => Rating | undefined;
  progress: (clientId: string) => number;
  pictures: Pictures;
}

/** Brings pictures and files from wherever they are. */
export interface Pictures {
  /** The bytes under an address of this page's own. It rejects when they could not be fetched. */
  load(a: Attachment, clientId?: string): Promise<Picture>;
  /** What this page still holds of a message on its way. */
  held(clientId: string): Picture | undefined;
  view(p: Picture, name: string, from: HTMLElement): void;
}

export interface Picture {
  blob: Blob;
  url: string;
}
