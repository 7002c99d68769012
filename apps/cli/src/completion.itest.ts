/** Completion in the shells themselves: each reads its script and asks the real command. */
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { FAKE_TOKEN, FakeCoordinator } from "@spell/sdk/fake-coordinator";
import { repositoryRoot, startCommand, tempFolder } from "@spell/testing";
import { describe, expect, test } from "vitest";
import { spell } from "./testing.ts";

/** Prints what bash would offer behind each line. */
const BASH = `
eval "$(spell completion bash)"; eval "$(spell completion bash)"
offer() { COMP_LINE=$1; COMP_POINT=\${#1}; _spell_complete 2>&1; echo "\${COMPREPLY[*]}"; }
`;
/** The functions of zsh's completion system that the script calls, with what they were given. */
const ZSH = `
compdef() { : }
eval "$(spell completion zsh)"
_describe() { shift 2; print -r -- "\${(@)found%%:*}" }
_files() { print files }
offer() { words=("\${(@s: :)1}"); CURRENT=\${#words}; _spell }
`;
const FISH = `
spell completion fish | source
function offer; string join -- ' ' (complete -C $argv[1] | string split -f1 \\t); true; end
`;

/** Whether a program is on the PATH: not every machine has every shell. */
function has(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

describe.each([
  { shell: "bash", flags: ["--norc"], setup: BASH },
  { shell: "zsh", flags: ["-f"], setup: ZSH },
  { shell: "fish", flags: ["--no-config"], setup: FISH },
])("in $shell (skipped where it is not installed)", ({ shell, flags, setup }) => {
  test.skipIf(!has(shell))(
    "commands, options, machine types, runs and files; what was typed starts nothing",
    async () => {
      await using fake = await FakeCoordinator.start();
      await using home = await tempFolder();
      const bin = join(home.path, "bin");
      const cwd = join(home.path, "code");
      await mkdir(bin);
      await mkdir(cwd);
      await symlink(join(repositoryRoot, "apps/cli/bin/spell"), join(bin, "spell"));
      fake.addRun({ command: 'echo "a: b"' });
      fake.addRun({ status: "running" });
      fake.setStatus(335, "complete", { userExitCode: 0 });
      const lines = [
        "spell arch",
        "spell run --machine-type ",
        "spell stop ",
        "spell archive 3",
        "spell run $(touch evil) `touch evil` --wai",
        "spell run --back",
        "spell --spell-dir x workf",
      ];
      const script = join(home.path, "script");
      await writeFile(script, `${setup}\n${lines.map((line) => `offer '${line}'\n`).join("")}`);
      using running = startCommand(shell, [...flags, script], {
        cwd,
        env: {
          PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`,
          HOME: home.path,
          XDG_CACHE_HOME: join(repositoryRoot, ".cache", "tests"),
          LANG: "C.UTF-8",
          SPELL_FROM_SOURCE: "1",
          SPELL_COORDINATOR: fake.address,
          SPELL_TOKEN: FAKE_TOKEN,
        },
      });
      const { exitCode, stdout, stderr } = await running.done;
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout.trimEnd().split("\n")).toEqual([
        "archive",
        "CPU V100",
        "336",
        "335",
        "--wait",
        "--background",
        "workflow",
      ]);
      expect((await spell({ args: ["complete", "--", "run", "x"], home: home.path })).stdout).toBe(":files\n");
      expect(await readdir(cwd)).toEqual([]);
    },
  );
});

test("without a coordinator there is no answer and no error", async () => {
  await using home = await tempFolder();
  const result = await spell({ args: ["complete", "--", "logs", ""], home: home.path, coordinator: "127.0.0.1:1" });
  expect(result).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(await spell({ args: ["completion", "tcsh"], home: home.path })).toMatchObject({ exitCode: 2 });
});
