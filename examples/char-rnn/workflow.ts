/**
 * Three runs in a row: download a text, train the network on it, print a sample of what it learnt.
 *
 * Started with `spell workflow --repo char-rnn=DIRECTORY_OF_THIS_FILE "node workflow.ts"`. Environment: TEXT_URL, the
 * text to learn from (default: War and Peace); TRAIN_SECONDS, how long to learn (default: as train.py has it);
 * MACHINE_TYPE, where to train and sample (default: CPU).
 */
import { FINAL_STATUSES, SpellClient } from "@spell/sdk";
import type { Run, RunRequest } from "@spell/sdk";

const textUrl = process.env.TEXT_URL || "https://www.gutenberg.org/files/2600/2600-0.txt";
const trainSeconds = process.env.TRAIN_SECONDS;
const machineType = process.env.MACHINE_TYPE || "CPU";
const client = SpellClient.fromEnvironment();

/** Starts a run and waits for its end; only a complete one lets the workflow go on. */
async function finish(title: string, request: RunRequest): Promise<Run> {
  const run = await client.runs.create({ description: title, ...request });
  console.log(`${title}: run ${run.id}`);
  await run.waitStatus(...FINAL_STATUSES);
  await run.refresh();
  if (run.status !== "complete") {
    throw new Error(`${title}: run ${run.id} ended as ${run.status}; see \`spell logs ${run.id}\``);
  }
  return run;
}

const url = shellWord(textUrl);
const pythonDownload = shellWord("import sys, urllib.request as web; web.urlretrieve(sys.argv[1], 'input.txt')");
// Not every machine has wget, or curl.
const download = await finish("download", {
  command: `wget -nv -O input.txt ${url} || curl -fsSL -o input.txt ${url} || python -c ${pythonDownload} ${url}`,
});

const training = await finish("train", {
  command: `python train.py --data_dir=/data${trainSeconds ? ` --seconds=${shellWord(trainSeconds)}` : ""}`,
  machineType,
  commitLabel: "char-rnn",
  mounts: { [`runs/${download.id}/input.txt`]: "/data/input.txt" },
});

const sampling = await finish("sample", {
  command: "python sample.py",
  machineType,
  commitLabel: "char-rnn",
  mounts: { [`runs/${training.id}/save`]: "save" },
});

for await (const entry of sampling.logs()) {
  if (entry.status === "running" && !entry.statusEvent) console.log(entry.text);
}

/** One word of a shell line, whatever it holds. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
