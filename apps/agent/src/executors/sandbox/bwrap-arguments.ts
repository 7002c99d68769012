/** The options of bwrap for one run. */
import { existsSync } from "node:fs";
import { gpuDevices } from "../gpu-devices.ts";
import type { Layer } from "./layers.ts";
import { layerArguments } from "./layers.ts";

/**
 * What containers have by default, less two: no MKNOD, because no device cgroup would stop a run from opening the
 * machine's disks through a node it made; no NET_RAW, because the run shares the machine's network and could listen in.
 */
const CAPABILITIES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "SETFCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "AUDIT_WRITE",
];

/** Parts of /proc through which root could change the machine itself: their files obey the user id, not capabilities. */
const PROC_READ_ONLY = ["/proc/sys", "/proc/fs", "/proc/acpi", "/proc/scsi"];

export interface BwrapRequest {
  layers: readonly Layer[];
  folderOf: (name: string) => { upper: string; work: string };
  workingDirectory: string;
  environment: Readonly<Record<string, string>>;
  gpus: readonly number[] | undefined;
  /** Whether the agent is root; otherwise a user namespace is made. */
  asRoot: boolean;
}

/** Everything but the command itself. Passed through a file: environments hold secrets, and command lines are public. */
export function bwrapArguments(request: BwrapRequest): string[] {
  const [root, ...others] = splitRoot(request.layers);
  return [
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts"],
    ...(request.asRoot ? [] : ["--unshare-user", "--uid", "0", "--gid", "0"]),
    ...root.flatMap((layer) => layerArguments(layer, request.folderOf)),
    ...["--proc", "/proc"],
    ...PROC_READ_ONLY.filter((path) => existsSync(path)).flatMap((path) => ["--ro-bind", path, path]),
    ...["--dev", "/dev", "--chmod", "1777", "/dev/shm"],
    ...gpuDevices(request.gpus).flatMap((path) => ["--dev-bind", path, path]),
    ...["--ro-bind", "/sys", "/sys"],
    ...others.flat().flatMap((layer) => layerArguments(layer, request.folderOf)),
    ...["--cap-drop", "ALL", ...CAPABILITIES.flatMap((name) => ["--cap-add", `CAP_${name}`])],
    "--clearenv",
    ...Object.entries(request.environment).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--chdir", request.workingDirectory],
  ];
}

/** The part at `/` has to come before /proc, /dev and /sys. */
function splitRoot(layers: readonly Layer[]): [Layer[], Layer[]] {
  return [layers.filter((layer) => layer.path === "/"), layers.filter((layer) => layer.path !== "/")];
}
