import { expect, it } from "vitest";
import { hostPort } from "./host-port.ts";

it.each([
  ["127.0.0.1", "127.0.0.1:80"],
  ["gpu-box.example", "gpu-box.example:80"],
  ["::1", "[::1]:80"],
])("%s is written as %s", (host, expected) => {
  expect(hostPort(host, 80)).toBe(expected);
});
