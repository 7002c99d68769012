"""Three runs in a row: download a text, train the network on it, print a sample of what it learnt.

Started with `spell workflow --repo char-rnn=DIRECTORY_OF_THIS_FILE "python workflow.py"`. Environment: TEXT_URL, the
text to learn from (default: War and Peace); MACHINE_TYPE, where to train and sample (default: CPU).
"""

import os
import shlex

import spell.client

text_url = os.environ.get("TEXT_URL") or "https://www.gutenberg.org/files/2600/2600-0.txt"
machine_type = os.environ.get("MACHINE_TYPE") or "CPU"
client = spell.client.from_environment()


def finish(title, **request):
    """Starts a run and waits for its end; only a complete one lets the workflow go on."""
    run = client.runs.new(**request)
    print(f"{title}: run {run.id}", flush=True)
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    if run.status != client.runs.COMPLETE:
        raise SystemExit(f"{title}: run {run.id} ended as {run.status}; see `spell logs {run.id}`")
    return run


download = finish("download", command=f"wget -nv -O input.txt {shlex.quote(text_url)}")

training = finish(
    "train",
    command="python train.py --data_dir=/data",
    machine_type=machine_type,
    commit_label="char-rnn",
    attached_resources={f"runs/{download.id}/input.txt": "/data/input.txt"},
)

sampling = finish(
    "sample",
    command="python sample.py",
    machine_type=machine_type,
    commit_label="char-rnn",
    attached_resources={f"runs/{training.id}/save": "save"},
)

for line in sampling.logs():
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
