/** Schemas of what JSON bodies have in common. */
import type { TNull, TRecord, TSchema, TString, TUnion } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";

/** May be left out or null. One type to the checker, so that its message names only what is wanted. */
export const optional = <T extends TSchema>(schema: T) =>
  Type.Optional({ ...schema, nullable: true } as unknown as TUnion<[T, TNull]>);

/** Any names. Not `Type.Record`, whose pattern passes over names with a newline and leaves their values unchecked. */
export const mapOf = <T extends TSchema>(schema: T) =>
  Type.Object({}, { additionalProperties: schema }) as unknown as TRecord<TString, T>;
