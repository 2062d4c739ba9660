// What is unread stands before the page's title, and goes when it was read. The host may change its title meanwhile.

const ours = /^\(\d+\+?\) /;

/** Shows a number in the page's title; 0 takes it away. */
export function countInTitle(n: number): void {
  const plain = document.title.replace(ours, "");
  const title = n > 0 ? `(${n > 99 ? "99+" : n}) ${plain}` : plain;
  if (document.title !== title) document.title = title;
}
