/** A place where runs wait until the test lets them go on. They reach it because they share the machine's network. */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { waitFor } from "@spell/testing";

export interface Gate extends AsyncDisposable {
  /** Shell line: waits here. */
  pass: string;
  /** Resolves once so many have come here. */
  reached(count: number): Promise<void>;
  /** How many came here so far. */
  visits(): number;
  /** Lets all go on who wait, and who will come. */
  open(): void;
}

export async function makeGate(): Promise<Gate> {
  const sockets = new Set<Socket>();
  let isOpen = false;
  let visits = 0;
  const server = createServer((socket) => {
    visits += 1;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    if (isOpen) socket.end("go\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const open = (): void => {
    isOpen = true;
    for (const socket of sockets) socket.end("go\n");
  };
  return {
    pass: `bash -c 'read -r go < /dev/tcp/127.0.0.1/${port}'`,
    reached: async (count) => {
      await waitFor(`${count} runs at the gate`, () => visits >= count);
    },
    visits: () => visits,
    open,
    [Symbol.asyncDispose]: async () => {
      open();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
