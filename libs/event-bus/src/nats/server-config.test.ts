/** The server's configuration text. */
import { expect, it } from "vitest";
import { natsServerConfig } from "./server-config.ts";

it("listens on loopback, keeps messages on disk, and opens no monitoring port", () => {
  const text = natsServerConfig({ port: 7802, storeDir: "/data/nats" });
  expect(text).toContain('listen: "127.0.0.1:7802"');
  expect(text).toContain('store_dir: "/data/nats"');
  expect(text).toContain("max_payload: 8388608");
  expect(text).not.toMatch(/http|monitor|authorization/);
});

it("quotes what a user may choose", () => {
  const text = natsServerConfig({ port: 1, storeDir: 'C:\\a "b"', token: '$HOME"}\n' });
  expect(text).toContain('store_dir: "C:\\\\a \\"b\\""');
  expect(text).toContain('token: "$HOME\\"}\\n"');
});
