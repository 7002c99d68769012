/** Pieces of request schemas. */
import type { TNull, TSchema, TUnion } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import { invalidInput } from "@spell/domain";

/** May be left out or null. One type to the checker, so that its message names only what is wanted. */
export const optional = <T extends TSchema>(schema: T) =>
  Type.Optional({ ...schema, nullable: true } as unknown as TUnion<[T, TNull]>);

/** A number of a path. Throws invalid-input (`bad-id`). `what`: "a key". */
export function idOf(what: string, text: string): number {
  if (!/^[0-9]{1,15}$/.test(text))
    throw invalidInput(`The number of ${what} is wanted, not "${text.slice(0, 80)}".`, "bad-id");
  return Number(text);
}
