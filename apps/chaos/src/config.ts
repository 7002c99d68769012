/** What a trial takes from its environment: read here, handed on as plain values. */

/** Where programs are looked for, by the parts of the farm as well. */
export const searchPath: string = process.env["PATH"] ?? "";

/** What every part of the farm is started with; nothing else of this process's environment reaches it. */
export const partEnvironment: Readonly<Record<string, string>> = {
  ...{ PATH: searchPath, LANG: "C.UTF-8" },
  // By which the repository's test command knows what its tests started.
  ...(process.env["SPELL_TEST_RUN"] === undefined ? {} : { SPELL_TEST_RUN: process.env["SPELL_TEST_RUN"] }),
};
