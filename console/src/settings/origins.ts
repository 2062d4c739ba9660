/** The addresses of a text, one each by lines, spaces or commas, with nothing behind the host; and what is none. */
export function originsOf(text: string): { list: string[]; wrong: string[] } {
  const list: string[] = [];
  const wrong: string[] = [];
  for (const typed of text.split(/[\s,，]+/).filter(Boolean)) {
    const star = /^(https?:\/\/)?\*\./i.test(typed);
    const whole = (/^[a-z]+:\/\//i.test(typed) ? typed : `https://${typed}`).replace("//*.", "//any.");
    let origin = "";
    try {
      const u = new URL(whole);
      if (/^https?:$/.test(u.protocol) && (u.hostname.includes(".") || u.hostname === "localhost")) origin = u.origin;
    } catch {
      // not an address
    }
    if (origin) list.push(star ? origin.replace("//any.", "//*.") : origin);
    else wrong.push(typed);
  }
  return { list: [...new Set(list)], wrong };
}
