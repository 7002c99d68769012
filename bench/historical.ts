/** Ours beside the unmodified historical client, on one farm: launching and waiting, the import, the command line. */
import { beside, inTurn } from "./beside.ts";
import type { Figure } from "./figure.ts";
import { atMost, figureTable } from "./figure.ts";
import type { Bench, Section } from "./measurement.ts";
import type { PythonClient, PythonClients } from "./python-clients.ts";
import { preparePythonClients } from "./python-clients.ts";
import type { PythonScript } from "./python-script.ts";
import { startPythonScript } from "./python-script.ts";
import { linesOf } from "./runs.ts";
import { timeProcess } from "./time-process.ts";
import { parseEpochTime } from "./wall-clock.ts";

/** Long enough that the client waits before it ends; then the time, which costs bash nothing to tell. */
const COMMAND = "sleep 0.1; echo $EPOCHREALTIME";
/** The farm records whole milliseconds, cut off: on average half a one is missing. */
const CUT_OFF_MS = 0.5;
const IMPORT = "import spell; import spell.client";

export async function measureHistorical(bench: Bench): Promise<Section[]> {
  await using clients = await preparePythonClients(bench.farm, bench.folder);
  const sections = [
    ["Python packages: a run launched and waited for", await measureRuns(bench, clients)],
    ["Python packages: import in a fresh interpreter", await measureImports(bench, clients)],
    ["Command lines, the whole process", await measureCommandLines(bench, clients)],
  ] as const;
  return sections.map(([title, figures]) => ({
    ...{ title, figures },
    lines: [...figureTable(figures), ...clients.remarks],
  }));
}

async function measureRuns(bench: Bench, clients: PythonClients): Promise<Figure[]> {
  await using ours = startPythonScript(clients.ours, bench.folder, bench.signal);
  await using historical = clients.historical && startPythonScript(clients.historical, bench.folder, bench.signal);
  const samples = await inTurn(bench, 100, {
    ours: () => sampleRun(bench, ours),
    historical: historical && (() => sampleRun(bench, historical)),
  });
  return [
    ...beside("client.runs.new → returned", samples, "newMs"),
    ...beside("coordinator decides on the end → wait_status returns", samples, "sinceEndedAtMs"),
    ...beside("command's end → wait_status returns", samples, "sinceCommandMs"),
  ];
}

async function sampleRun({ farm, signal }: Bench, script: PythonScript) {
  const { runId, newMs, knownAtMs } = await script.launch(COMMAND);
  const run = await farm.client.runs.get(runId, { signal });
  if (run.status !== "complete") throw new Error(`run ${run.id} is ${run.status}: ${run.reason}`);
  const [line = ""] = await linesOf(run, signal);
  const sinceEndedAtMs = knownAtMs - (run.record.endedAtMs + CUT_OFF_MS);
  return { newMs, sinceEndedAtMs, sinceCommandMs: knownAtMs - parseEpochTime(line) };
}

/** Each import beside the same interpreter that imports nothing, just before: what stays is the package's own. */
async function measureImports(bench: Bench, clients: PythonClients): Promise<Figure[]> {
  const timed = (client: PythonClient, script: string): Promise<number> =>
    timeProcess(client.python, ["-c", script], optionsOf(bench, client));
  const sample = async (client: PythonClient) => {
    const bareMs = await timed(client, "pass");
    return { bareMs, importMs: (await timed(client, IMPORT)) - bareMs };
  };
  const samples = await inTurn(bench, 20, samplersOf(clients, sample));
  return [
    ...beside(`${IMPORT}, without the interpreter`, samples, "importMs"),
    ...beside("the interpreter alone", samples, "bareMs"),
  ];
}

async function measureCommandLines(bench: Bench, clients: PythonClients): Promise<Figure[]> {
  const timed = (client: PythonClient, word: string): Promise<number> => {
    const [program, ...words] = client.spell;
    return timeProcess(program, [...words, word], optionsOf(bench, client));
  };
  const sample = async (client: PythonClient) => ({
    psMs: await timed(client, "ps"),
    helpMs: await timed(client, "--help"),
  });
  const samples = await inTurn(bench, 20, samplersOf(clients, sample));
  const judged = ([ours, ...others]: Figure[]): Figure[] =>
    ours === undefined ? [] : [{ ...ours, bar: atMost(ours, { p50: 200 }) }, ...others];
  return [...judged(beside("spell ps", samples, "psMs")), ...judged(beside("spell --help", samples, "helpMs"))];
}

function optionsOf({ folder, signal }: Bench, { environment }: PythonClient) {
  return { cwd: folder, env: environment, signal };
}

function samplersOf<T>({ ours, historical }: PythonClients, sample: (client: PythonClient) => Promise<T>) {
  return { ours: () => sample(ours), historical: historical && (() => sample(historical)) };
}
