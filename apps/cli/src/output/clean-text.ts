/** Makes texts of others safe to print on a terminal. Pure. */

/* eslint-disable no-control-regex -- control characters are what this is about */
const COMMANDS = /(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^]*?(?:\x07|\x1b\\|\x9c|$)/g;
const CURSOR_AND_COLOUR = /\x1b\[[0-?]*[ -/]*[@-~]/g;
const CONTROLS = /[\x00-\x1f\x7f-\x9f]+/g;
/* eslint-enable no-control-regex */

/**
 * Takes out the escape sequences that speak to the terminal rather than show something: OSC (titles, clipboard,
 * links), DCS, SOS, PM and APC, also when they are not ended, which would swallow everything after them. Colours,
 * cursor movements and carriage returns stay: progress bars are made of them.
 */
export function withoutCommands(text: string): string {
  return text.replace(COMMANDS, "");
}

/** On one line and without control characters: for tables and lists. */
export function oneLine(text: string): string {
  return withoutCommands(text).replace(CURSOR_AND_COLOUR, "").replace(CONTROLS, " ");
}
