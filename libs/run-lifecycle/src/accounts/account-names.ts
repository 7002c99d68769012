/** What users, their e-mails, and the things they name may be called. Pure. */
import { invalidInput } from "@spell/domain";

/** Throws invalid-input (`bad-user-name`). A user name stands in paths as the owner of runs, and is no e-mail. */
export function checkUserName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) return;
  throw invalidInput(
    `"${name.slice(0, 80)}" cannot be a user name: write 1 to 63 letters, digits, ".", "-" or "_", a letter or digit first.`,
    "bad-user-name",
  );
}

/** Throws invalid-input (`bad-email`). Nothing is ever sent there: only its form is looked at. */
export function checkEmail(email: string): void {
  if (email.length <= 254 && /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(email)) return;
  throw invalidInput(`"${email.slice(0, 80)}" is not an e-mail address: write NAME@DOMAIN.`, "bad-email");
}

/** Throws invalid-input (`bad-name`) for what cannot be listed on a line of its own. `what`: "A title". */
export function checkLabelText(what: string, text: string): void {
  if (text.trim() !== "" && text.length <= 255 && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) return;
  throw invalidInput(`${what} has 1 to 255 printable characters.`, "bad-name");
}
