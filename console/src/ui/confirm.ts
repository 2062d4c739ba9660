import { shallowRef } from "vue";

export interface Question {
  title: string;
  text?: string;
  action: string; // what the button does, as a verb
  danger?: boolean;
}

/** The question that is open now, with the way to answer it; shown by asking.vue in the shell. */
export const asking = shallowRef<Question & { answer: (yes: boolean) => void }>();

/** Asks once before something that cannot be undone; a second question waits for nobody: it takes the first one's place. */
export function ask(question: Question): Promise<boolean> {
  asking.value?.answer(false);
  return new Promise((resolve) => {
    asking.value = {
      ...question,
      answer: (yes) => {
        asking.value = undefined;
        resolve(yes);
      },
    };
  });
}
