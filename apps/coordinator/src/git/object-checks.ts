/** How strictly git looks at objects that come from outside. */

/** Blemishes of old and odd tools that are found in real histories and harm nobody. */
const HARMLESS = [
  ...[
    "zeroPaddedFilemode",
    "badTimezone",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingEmail",
    "badEmail",
  ],
  ...["badDate", "badDateOverflow", "missingNameBeforeEmail", "zeroPaddedDate", "badName", "extraHeaderEntry"],
  ...["missingTaggerEntry", "badTagName", "gitmodulesParse", "gitmodulesMissing", "gitmodulesBlob"],
];

/** Settings that let git check every object, for receiving or fetching. */
export function objectChecks(kind: "receive" | "fetch"): Record<string, string> {
  const checks: Record<string, string> = { "transfer.fsckObjects": "true" };
  for (const name of HARMLESS) checks[`${kind}.fsck.${name}`] = "ignore";
  return checks;
}
