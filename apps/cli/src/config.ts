/** What the command line takes from its environment: read here, handed on as plain values. */

const variables: Record<string, string | undefined> = { ...process.env };

/** The variables this process was started with, and what global options say instead of them. */
export const environment: Readonly<Record<string, string | undefined>> = variables;

/** An option that stands for a variable. Called before the command begins. */
export function setVariable(name: string, value: string): void {
  variables[name] = value;
}
