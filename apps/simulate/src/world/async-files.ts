/** `node:fs/promises` and the callbacks of `node:fs`: each call takes its time, and what a dead process began is not done. */
import * as sync from "./files.ts";
import { currentProcess, toError, world } from "./world.ts";

type Callback = (error: unknown, ...results: unknown[]) => void;

/** A disk answers at once, or is busy. */
function latencyMs(): number {
  const { random } = world();
  return random.chance(0.02) ? random.between(1, 60) : random.between(0.02, 0.5);
}

/** Does it later, and says so. */
function later<T>(call: string, work: () => T): Promise<T> {
  world().effect();
  return new Promise<T>((resolve, reject) => {
    world().after(latencyMs(), call, () => {
      try {
        resolve(work());
      } catch (error) {
        reject(toError(error));
      }
    });
  });
}

/** The same with a callback as the last argument. */
function withCallback(call: string, work: (...args: never[]) => unknown) {
  return (...args: unknown[]): void => {
    const callback = args.pop() as Callback;
    later(call, () => work(...(args as never[]))).then(
      (value) => callback(null, value),
      (error: unknown) => callback(error),
    );
  };
}

class SimFileHandle {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  async read(into: Uint8Array, offset?: number, length?: number, position?: number | null): Promise<object> {
    const bytesRead = await later("read", () => sync.readSync(this.fd, into, offset, length, position));
    return { bytesRead, buffer: into };
  }

  async write(data: Uint8Array, offset?: number, length?: number, position?: number | null): Promise<object> {
    const bytesWritten = await later("write", () => sync.writeSync(this.fd, data, offset, length, position));
    return { bytesWritten, buffer: data };
  }

  readFile(encoding?: string): Promise<Buffer | string> {
    return later("read", () => sync.readFileSync(this.fd, encoding));
  }

  async writeFile(data: Uint8Array | string): Promise<void> {
    await later("write", () => sync.writeSync(this.fd, data));
  }

  async appendFile(data: Uint8Array | string): Promise<void> {
    await later("write", () => sync.appendFileSync(this.fd, data));
  }

  stat(): Promise<object> {
    return later("fstat", () => sync.fstatSync(this.fd));
  }

  truncate(sizeBytes?: number): Promise<void> {
    return later("ftruncate", () => sync.ftruncateSync(this.fd, sizeBytes));
  }

  datasync(): Promise<void> {
    return later("fdatasync", () => sync.fdatasyncSync(this.fd));
  }

  sync(): Promise<void> {
    return this.datasync();
  }

  close(): Promise<void> {
    return later("close", () => sync.closeSync(this.fd));
  }
}

/** inotify: tells a little later that a name in a folder changed; once for several changes of one moment. */
function watch(folder: string, _options: unknown, listener: (event: string, name: string) => void): object {
  world().effect();
  const disk = sync.diskHere();
  if (disk.find(folder) === undefined) throw sync.failure("ENOENT", "watch", folder);
  const process = currentProcess();
  const told = new Set<string>();
  const watcher = {
    folder,
    onChange: (name: string): void => {
      if (told.has(name)) return;
      told.add(name);
      const tell = (): void => {
        told.delete(name);
        if (disk.watchers.has(watcher)) listener("change", name);
      };
      world().after(world().random.between(0.1, 4), "watch", tell, process);
    },
  };
  const close = (): void => void disk.watchers.delete(watcher);
  disk.watchers.add(watcher);
  process?.onDeath.push(close);
  return { on: () => undefined, close };
}

export const fsModule = {
  ...sync,
  existsSync: sync.existsSync,
  lstatSync: sync.statSync,
  fsyncSync: sync.fdatasyncSync,
  watch,
  fdatasync: withCallback("fdatasync", sync.fdatasyncSync),
  fsync: withCallback("fsync", sync.fdatasyncSync),
  // What promisify makes of `read` gives both.
  read: Object.assign(withCallback("read", sync.readSync), {
    [Symbol.for("nodejs.util.promisify.custom")]: async (
      descriptor: number,
      buffer: Uint8Array,
      ...rest: [number, number, number]
    ) => ({ bytesRead: await later("read", () => sync.readSync(descriptor, buffer, ...rest)), buffer }),
  }),
};

export const promisesModule = {
  open: async (path: unknown, flags?: string | number, mode?: number) =>
    new SimFileHandle(await later("open", () => sync.openSync(path, flags, mode))),
  readFile: (path: unknown, options?: never) => later("read", () => sync.readFileSync(path, options)),
  writeFile: (path: unknown, data: string, options?: never) =>
    later("write", () => sync.writeFileSync(path, data, options)),
  appendFile: (path: unknown, data: string, options?: never) =>
    later("write", () => sync.appendFileSync(path, data, options)),
  rename: (from: unknown, to: unknown) => later("rename", () => sync.renameSync(from, to)),
  rm: (path: unknown, options?: never) => later("rm", () => sync.rmSync(path, options)),
  unlink: (path: unknown) => later("unlink", () => sync.unlinkSync(path)),
  rmdir: (path: unknown) => later("rmdir", () => sync.rmdirSync(path)),
  mkdir: (path: unknown, options?: never) => later("mkdir", () => sync.mkdirSync(path, options)),
  readdir: (path: unknown, options?: never) => later("scandir", () => sync.readdirSync(path, options)),
  stat: (path: unknown) => later("stat", () => sync.statSync(path)),
  lstat: (path: unknown) => later("lstat", () => sync.statSync(path)),
  chmod: (path: unknown, mode: number) =>
    later("chmod", () => {
      const entry = sync.diskHere().find(sync.pathText(path));
      if (entry?.kind === "file") entry.mode = mode;
    }),
};
