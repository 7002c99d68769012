/** Emoji and their stand-ins. Texts are written once, with emoji and `…`; elsewhere than on UTF-8 both are replaced. */

export const SYMBOLS = {
  spark: "✨",
  cast: "💫",
  again: "♻️ ",
  party: "🎉",
  crash: "💥",
  skull: "💀",
  hand: "✋",
  /** With a space of its own: terminals give it one column and draw it over two. */
  info: "ℹ️ ",
  failure: "✖",
} as const;

export type SymbolName = keyof typeof SYMBOLS;

/** Whether the locale says UTF-8: the first of LC_ALL, LC_CTYPE and LANG that is set decides. Pure. */
export function localeIsUtf8(environment: Readonly<Record<string, string | undefined>>): boolean {
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "";
  return /utf-?8/i.test(locale);
}

/** One line of ours: symbol, space, text; without emoji only the text. Pure. */
export function decorate(symbol: SymbolName, text: string, emoji: boolean): string {
  return emoji ? `${SYMBOLS[symbol]} ${text}` : plain(text, emoji);
}

/** A text of ours for this terminal. Pure. */
export function plain(text: string, emoji: boolean): string {
  return emoji ? text : text.replaceAll("…", "...");
}
