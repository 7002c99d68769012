/** `--mount RESOURCE[:PATH]`. Pure. */
import { argumentError } from "./exit-codes.ts";

export interface MountOption {
  resource: string;
  mountPoint?: string;
}

/** Parses one option; a scheme (`s3://`) is set aside before splitting. Throws exit code 3. */
export function parseMountOption(text: string): MountOption {
  const scheme = /^[a-z0-9]+:\/\//.exec(text)?.[0] ?? "";
  const [rest = "", mountPoint, ...more] = text.slice(scheme.length).split(":");
  if (rest === "" || more.length > 0) {
    throw argumentError(
      `--mount "${text}" cannot be understood: write --mount RESOURCE[:PATH], for example runs/12/save:save.`,
    );
  }
  return { resource: scheme + rest, mountPoint: mountPoint || undefined };
}
