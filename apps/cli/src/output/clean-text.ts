/** Makes texts of others safe to print on a terminal. Pure. */

/* eslint-disable no-control-regex -- control characters are what this is about */
/** OSC, DCS, SOS, PM and APC with all they carry; CSI with its parameters; any other escape sequence; a lone escape. */
const SEQUENCES =
  /(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^]*?(?:\x07|\x1b\\|\x9c|$)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?/g;
/** Colours, cursor movements, erasing, scrolling, and the cursor hidden or shown again. */
const SHOWING = /^(?:\x1b\[|\x9b)(?:[0-9;:]*[@-HJ-MPSTXZ`abdefm]|\?25[hl])$/;
const CURSOR_AND_COLOUR = /\x1b\[[0-?]*[ -/]*[@-~]/g;
const CONTROLS = /[\x00-\x1f\x7f-\x9f]+/g;
/* eslint-enable no-control-regex */

/**
 * Takes out the escape sequences that speak to the terminal rather than show something: titles, clipboard, questions that it
 * would answer as if the user had typed, modes, resets. Cut ones too: a terminal would complete them with what comes next, on
 * another line even. Colours, cursor movements and carriage returns stay: progress bars are made of them.
 */
export function withoutCommands(text: string): string {
  return text.replace(SEQUENCES, (sequence) => (SHOWING.test(sequence) ? sequence : ""));
}

/** On one line and without control characters: for tables and lists. */
export function oneLine(text: string): string {
  return withoutCommands(text).replace(CURSOR_AND_COLOUR, "").replace(CONTROLS, " ");
}
