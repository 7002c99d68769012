/** The headers of the tus protocol, and bytes that may break off. */
import type { IncomingMessage } from "node:http";
import { SpellError, invalidInput } from "@spell/domain";

/** A sender that stands still for so long has gone: another may go on with the file. */
const STALL_MS = 60_000;

/** A header or a part of a path that must be a whole number from 0. */
export function wholeNumber(what: string, text: string | string[] | undefined): number {
  if (typeof text === "string" && /^[0-9]{1,15}$/.test(text)) return Number(text);
  const shown = text === undefined ? "missing" : JSON.stringify(String(text).slice(0, 40));
  throw invalidInput(`${what} is ${shown}: it must be a whole number.`, "bad-number");
}

/** `upload-metadata: path <base64 of "<upload id>/<path>">`: pairs of a key and a value, separated by commas. */
export function parseUploadMetadata(header: string | string[] | undefined): { uploadId: number; path: string } {
  for (const pair of String(header ?? "").split(",")) {
    const [key, value = ""] = pair.trim().split(/ +/);
    if (key !== "path") continue;
    const text = Buffer.from(value, "base64").toString("utf8");
    const [id = "", ...parts] = text.split("/");
    if (text.includes("\uFFFD")) throw invalidInput("The path of a file must be UTF-8.", "bad-path");
    return { uploadId: wholeNumber("The id of an upload", id), path: parts.join("/") };
  }
  throw invalidInput(
    "upload-metadata names no path: it must be the upload's id, a slash, and the file's.",
    "bad-metadata",
  );
}

/** The body of a request. Ends with an error when the sender leaves or stands still; what came before counts. */
export async function* whileMoving(request: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  const timer = setTimeout(() => {
    request.destroy(new SpellError("unavailable", "Nothing arrived for a minute.", { reason: "stalled" }));
  }, STALL_MS);
  try {
    // The answer to bytes that are refused goes over the same connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      timer.refresh();
      yield chunk as Buffer;
    }
  } catch (error) {
    if (error instanceof SpellError) throw error;
    throw new SpellError("unavailable", "The connection broke before all bytes had arrived.", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
