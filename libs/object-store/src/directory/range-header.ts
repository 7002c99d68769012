/** The `Range` header of a request, for objects of a known size. Pure. */
import type { ByteRange } from "../object-store.ts";

export type RequestedRange = { kind: "whole" } | { kind: "part"; range: ByteRange } | { kind: "unsatisfiable" };

/**
 * Understands one range: `bytes=a-b`, `bytes=a-` and `bytes=-n`. An end beyond the object means its end. Anything else,
 * several ranges included, counts as no header at all, as HTTP allows.
 */
export function parseRangeHeader(header: string | undefined, sizeBytes: number): RequestedRange {
  const match = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header?.trim() ?? "");
  const [first, last] = [match?.[1] ?? "", match?.[2] ?? ""];
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? { kind: "unsatisfiable" } : { kind: "part", range: { offset: sizeBytes - length, length } };
  }
  const offset = Number(first);
  const end = last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== "" && Number(last) < offset) return { kind: "whole" };
  if (offset >= sizeBytes) return { kind: "unsatisfiable" };
  return { kind: "part", range: { offset, length: end - offset + 1 } };
}
