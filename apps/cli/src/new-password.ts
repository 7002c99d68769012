/** A new password from an option or from whoever types. */
import { Questions } from "./ask.ts";
import { argumentError } from "./exit-codes.ts";

/** Throws exit code 3 when it was typed differently the second time. */
export async function newPassword(
  given: string | undefined,
  question: string,
  questions = new Questions(),
): Promise<string> {
  using reader = questions;
  const password = given ?? (await reader.newPassword(question));
  if (password === undefined) throw argumentError("The two passwords differ. Nothing was changed.");
  return password;
}
