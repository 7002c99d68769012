/** What the command line takes from its environment: read here, handed on as plain values. */

/** The variables this process was started with. */
export const environment: Readonly<Record<string, string | undefined>> = process.env;
