import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CommanderError } from "commander";
import { parseConfig } from "./config.ts";

beforeEach(() => {
  for (const name of Object.keys(process.env).filter((name) => name.startsWith("SPELL_"))) vi.stubEnv(name, undefined);
});
afterEach(() => void vi.unstubAllEnvs());

const DATA = ["--data", "/data"];

describe("each setting", () => {
  it("has a default, except the data folder", () => {
    expect(parseConfig(DATA)).toEqual({
      ...{ dataDir: "/data", host: "127.0.0.1", grpcPort: 7800, httpPort: 7801, advertiseHost: "127.0.0.1" },
      ...{ natsUrl: "nats://127.0.0.1:7802", natsToken: "", advertiseNatsUrl: "nats://127.0.0.1:7802" },
      ...{
        machineTypes: [],
        leaseMs: 600_000,
        nonZeroExit: "failed",
        logLevel: "info",
        s3: undefined,
        bootstrapUser: "spell",
      },
      allowSignup: false,
      git: { maxBytes: 1024 * 2 ** 20, seconds: 600, allowedProtocols: [] },
      garbage: { graceMs: 86_400_000, everyMs: 86_400_000, keepArchivedOutputsMs: undefined },
    });
  });

  it.each([
    ["--data", "SPELL_DATA", "dataDir", ["/a", "/a"], ["/b", "/b"]],
    ["--database", "SPELL_DATABASE", "database", ["postgres://a", "postgres://a"], ["postgres://b", "postgres://b"]],
    ["--host", "SPELL_HOST", "host", ["::1", "::1"], ["0.0.0.0", "0.0.0.0"]],
    ["--grpc-port", "SPELL_GRPC_PORT", "grpcPort", ["1", 1], ["65535", 65_535]],
    ["--http-port", "SPELL_HTTP_PORT", "httpPort", ["0", 0], ["080", 80]],
    ["--advertise", "SPELL_ADVERTISE", "advertiseHost", ["a", "a"], ["b", "b"]],
    ["--nats", "SPELL_NATS", "natsUrl", ["nats://a", "nats://a"], ["nats://b", "nats://b"]],
    ["--advertise-nats", "SPELL_ADVERTISE_NATS", "advertiseNatsUrl", ["nats://a", "nats://a"], ["b", "b"]],
    ["--nats-token", "SPELL_NATS_TOKEN", "natsToken", ["a", "a"], ["b", "b"]],
    ["--machine-type", "SPELL_MACHINE_TYPES", "machineTypes", ["A,B=2", ["A", "B"]], ["C", ["C"]]],
    ["--lease-seconds", "SPELL_LEASE_SECONDS", "leaseMs", ["0.5", 500], ["1e3", 1_000_000]],
    ["--user", "SPELL_USER", "bootstrapUser", ["a", "a"], ["b", "b"]],
    ["--non-zero-exit", "SPELL_NON_ZERO_EXIT", "nonZeroExit", ["complete", "complete"], ["failed", "failed"]],
    ["--allow-signup", "SPELL_ALLOW_SIGNUP", "allowSignup", ["yes", true], ["no", false]],
    ["--log-level", "SPELL_LOG_LEVEL", "logLevel", ["trace", "trace"], ["warn", "warn"]],
  ] as const)(
    "%s comes before %s, and that before the default",
    (flag, variable, key, [given, expected], [set, inherited]) => {
      vi.stubEnv("SPELL_DATA", "/data");
      const byDefault = parseConfig([])[key];
      vi.stubEnv(variable, set);
      expect(parseConfig([])[key]).toEqual(inherited);
      expect(parseConfig([flag, given])[key]).toEqual(expected);
      if (variable === "SPELL_DATA") return;
      vi.stubEnv(variable, "");
      expect(parseConfig([])[key]).toEqual(byDefault);
    },
  );

  it("to sign up is switched on by its flag alone", () => {
    expect(parseConfig([...DATA, "--allow-signup"]).allowSignup).toBe(true);
    expect(() => parseConfig([...DATA, "--allow-signup", "perhaps"])).toThrow(CommanderError);
  });

  it("of garbage has a default, and what is set comes before it", () => {
    const flags = ["--gc-grace-hours", "0.5", "--gc-every-hours", "0", "--keep-outputs-of-archived-runs", "2"];
    const garbage = { graceMs: 1_800_000, everyMs: 0, keepArchivedOutputsMs: 172_800_000 };
    expect(parseConfig([...DATA, ...flags]).garbage).toEqual(garbage);
    vi.stubEnv("SPELL_GC_GRACE_HOURS", "0.5");
    vi.stubEnv("SPELL_GC_EVERY_HOURS", "0");
    vi.stubEnv("SPELL_KEEP_OUTPUTS_OF_ARCHIVED_RUNS", "2");
    expect(parseConfig(DATA).garbage).toEqual(garbage);
    expect(parseConfig([...DATA, "--gc-grace-hours", "1"]).garbage.graceMs).toBe(3_600_000);
    for (const [flag] of [flags.slice(0), flags.slice(2), flags.slice(4)]) {
      for (const bad of ["-1", "x", ""]) {
        expect(() => parseConfig([...DATA, flag ?? "", bad]), flag).toThrow(CommanderError);
      }
    }
  });

  it("of code that git brings has a default, and what is set comes before it", () => {
    const wide = ["--max-code-mib", "2", "--git-seconds", "1.5", "--allow-git-protocol", "file,ftp"];
    const git = { maxBytes: 2 * 2 ** 20, seconds: 1.5, allowedProtocols: ["file", "ftp"] };
    expect(parseConfig([...DATA, ...wide]).git).toEqual(git);
    vi.stubEnv("SPELL_MAX_CODE_MIB", "2");
    vi.stubEnv("SPELL_GIT_SECONDS", "1.5");
    vi.stubEnv("SPELL_ALLOW_GIT_PROTOCOL", "file,ftp");
    expect(parseConfig(DATA).git).toEqual(git);
    expect(parseConfig([...DATA, "--max-code-mib", "3"]).git).toMatchObject({ maxBytes: 3 * 2 ** 20 });
    for (const bad of [
      ["--max-code-mib", "0"],
      ["--git-seconds", "x"],
      ["--allow-git-protocol", "ext::sh"],
    ]) {
      expect(() => parseConfig([...DATA, ...bad]), bad.join(" ")).toThrow(CommanderError);
    }
  });

  it("of the object store comes from flags and environment alike", () => {
    vi.stubEnv("SPELL_S3_ACCESS_KEY", "key");
    vi.stubEnv("SPELL_S3_SECRET_KEY", "secret");
    const s3 = { endpoint: "http://s3:9000", publicEndpoint: "http://s3:9000", bucket: "spell" };
    const keys = { accessKey: "key", secretKey: "secret" };
    expect(parseConfig([...DATA, "--s3-endpoint", "http://s3:9000"]).s3).toEqual({ ...s3, ...keys });
    vi.stubEnv("SPELL_S3_ENDPOINT", "http://s3:9000");
    vi.stubEnv("SPELL_S3_PUBLIC_ENDPOINT", "http://public");
    const given = parseConfig([...DATA, "--s3-bucket", "b", "--s3-access-key", "k2"]).s3;
    expect(given).toEqual({ ...s3, ...keys, publicEndpoint: "http://public", bucket: "b", accessKey: "k2" });
  });
});

describe("what agents and runs are told", () => {
  it("follows where the coordinator itself listens and connects", () => {
    const config = parseConfig([...DATA, "--host", "gpu-box", "--nats", "nats://bus:4222"]);
    expect(config).toMatchObject({ advertiseHost: "gpu-box", advertiseNatsUrl: "nats://bus:4222" });
  });

  it("machine types may be given several times and several at once", () => {
    const flags = ["--machine-type", "A", "B,C", "--machine-type", "D=3"];
    expect(parseConfig([...DATA, ...flags]).machineTypes).toEqual(["A", "B", "C", "D"]);
  });
});

describe("a wrong value is refused with a sentence", () => {
  const refusalOf = (argv: string[]): string => {
    try {
      parseConfig(argv);
    } catch (error) {
      expect(error).toBeInstanceOf(CommanderError);
      expect((error as CommanderError).exitCode).not.toBe(0);
      return (error as CommanderError).message;
    }
    return expect.unreachable("it was accepted");
  };

  it.each([
    ["--grpc-port", "x", "from 0 to 65535"],
    ["--grpc-port", "", "from 0 to 65535"],
    ["--grpc-port", "-1", "from 0 to 65535"],
    ["--http-port", "65536", "from 0 to 65535"],
    ["--http-port", "1e3", "from 0 to 65535"],
    ["--http-port", "0x50", "from 0 to 65535"],
    ["--lease-seconds", "0", "positive number"],
    ["--lease-seconds", "-1", "positive number"],
    ["--lease-seconds", "soon", "positive number"],
    ["--lease-seconds", "Infinity", "positive number"],
    ["--machine-type", "a b", "write NAME or NAME=SLOTS"],
    ["--machine-type", "A,,B", "write NAME or NAME=SLOTS"],
    ["--log-level", "loud", "Allowed choices are trace, debug, info, warn, error"],
    ["--data", "", "It is empty"],
    ["--host", "", "It is empty"],
    ["--user", "", "It is empty"],
  ])("%s %j", (flag, value, part) => {
    const message = refusalOf([...DATA, `${flag}=${value}`]);
    expect(message).toContain(flag);
    expect(message).toContain(part);
  });

  it("also when the environment holds it", () => {
    vi.stubEnv("SPELL_HTTP_PORT", "http");
    expect(refusalOf(DATA)).toMatch(/'http' from env 'SPELL_HTTP_PORT' is invalid/);
  });

  it.each([
    [[], "required option '--data <dir>'"],
    [[...DATA, "--dta", "x"], "unknown option '--dta'"],
    [[...DATA, "serve"], "too many arguments"],
    [["--data"], "argument missing"],
  ])("and so is %j", (argv, part) => {
    expect(refusalOf(argv)).toContain(part);
  });
});
