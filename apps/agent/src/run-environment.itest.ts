/** The Python package inside runs: there without installation, and never in the way of a `spell` of the run's own. */
import { describe, expect, test } from "vitest";
import { toolPath } from "@spell/testing";
import { executorBench, writeTree } from "./executors/contract/bench.ts";
import { ProcessExecutor } from "./executors/process.ts";
import { SandboxExecutor } from "./executors/sandbox.ts";
import { runEnvironment, sdkFolders } from "./run-environment.ts";

const OURS = "from the SDK\n";
const ASK = "import spell; print(getattr(spell, 'whose', 'from the SDK'))";
const ENVIRONMENT = "python3 -m venv --without-pip --symlinks env";
const INSTALL = `cp -r installed/spell "$(env/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"`;

describe.each([
  { place: "a sandbox", executor: new SandboxExecutor({ bwrap: toolPath("bwrap") }), isolated: true },
  { place: "a plain process", executor: new ProcessExecutor(), isolated: false },
])("in $place", { timeout: 60_000 }, ({ executor, isolated }) => {
  /** Runs a command on these files of the code; gives what it printed. */
  async function output(command: string, files: Record<string, string>, user: Record<string, string> = {}) {
    await using bench = await executorBench(executor);
    writeTree(bench.code, files);
    const environment = runEnvironment({ machine: process.env, user, isolated });
    const ended = await bench.run(command, { environment, extras: sdkFolders() });
    expect(ended).toMatchObject({ exitCode: 0 });
    return ended.output;
  }

  test("the package is there, whole", async () => {
    const script = [
      "import spell.client, spell.metrics, spell.api.models, spell.cli.commands.ps",
      "print(spell.__version__, spell.client.SpellClient.__name__, spell.__spec__.name, spell.api.models.Run.__name__)",
    ];
    expect(await output(`python3 -W error -c "${script.join("; ")}"`, {})).toMatch(
      /^\d+\.\d+\.\d+ SpellClient spell Run\n$/,
    );
  });

  test.each([
    ["a module beside the script", "python3 main.py", { "proj/spell.py": "whose = 'mine'", "proj/main.py": ASK }],
    ["a package in the working directory", `python3 -c "${ASK}"`, { "proj/spell/__init__.py": "whose = 'mine'" }],
  ])("%s comes first", async (_what, command, files) => {
    expect(await output(command, files)).toBe("mine\n");
  });

  test("what the user's PYTHONPATH names comes first", async () => {
    const files = { "proj/lib/spell/__init__.py": "whose = 'mine'" };
    expect(await output(`python3 -c "${ASK}"`, files, { PYTHONPATH: "/spell/proj/lib" })).toBe("mine\n");
  });

  test("a package that the run installs is the one it imports, with all its parts", async () => {
    const files = {
      "proj/installed/spell/__init__.py": "whose = 'installed'",
      "proj/installed/spell/client/__init__.py": "from spell import whose\nfrom . import part",
      "proj/installed/spell/client/part.py": "import spell.client\nhere = __name__",
    };
    const ask =
      "import spell.client.part as part, spell; print(spell.whose, spell.client.whose, part.here, spell.__path__[0])";
    const printed = await output(`${ENVIRONMENT} && ${INSTALL} && env/bin/python -c "${ask}"`, files);
    expect(printed).toMatch(/^installed installed spell\.client\.part \/.*\/env\/.*\/site-packages\/spell\n$/);
  });

  test("an environment without one, and a mere folder of that name, leave ours", async () => {
    expect(await output(`${ENVIRONMENT} && env/bin/python -c "${ASK}"`, {})).toBe(OURS);
    expect(await output(`python3 -c "${ASK}"`, { "proj/spell/notes.txt": "" })).toBe(OURS);
  });
});
