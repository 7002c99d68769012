import { expect, test } from "vitest";
import { proseOf } from "./prose.ts";

const words = "of the many things that are written down on a machine only a few were meant to be read by anybody";
const prose = `It is said that, ${words}; and the rest\nwas meant (so they say) to be found by somebody's "search".`;

test("keeps the paragraphs that read like prose, without their margins", () => {
  const document = ["A HEADING", prose, `too short`, prose.replace("It", "That")].join("\n\n");
  expect(proseOf(document)).toEqual([prose, prose.replace("It", "That")]);
  expect(proseOf(prose.replaceAll("\n", "\r\n"))).toEqual([prose]);
  for (const margin of ["    ", " * ", "# ", "\t", "> "]) {
    const indented = [prose, prose].join("\n\n").replace(/^/gm, margin);
    expect(proseOf(indented), margin).toEqual([prose, prose]);
  }
});

test.each([
  ["a table", Array.from({ length: 30 }, (_, row) => `row ${row} | ${row * 2} | yes`).join("\n")],
  ["code", "const a = b(c) => { return d[e]; } // and so on\n".repeat(6)],
  ["a list of names", "Smith, Brown, Miller, Davis, Wilson, Moore, Taylor, Thomas, White, Harris, ".repeat(4)],
  ["shouting", `${words.toUpperCase()} ${words.toUpperCase()}.`],
  [
    "addresses",
    `See https://example.org/a and /usr/share/doc for more, ${"and x@example.org or 127.0.0.1 ".repeat(6)}.`,
  ],
  ["what breaks off", `${words} ${words}`],
  ["nothing", "\n \n"],
])("drops %s", (_what, text) => {
  expect(proseOf(text)).toEqual([]);
});
