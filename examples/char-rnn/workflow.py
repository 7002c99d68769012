"""Three runs in a row: download a text, train the network on it, print a sample of what it learnt.

Started with `spell workflow --repo char-rnn=DIRECTORY_OF_THIS_FILE "python workflow.py"`. Environment: TEXT_URL, the
text to learn from (default: War and Peace); TRAIN_SECONDS, how long to learn (default: as train.py has it);
MACHINE_TYPE, where to train and sample (default: CPU).
"""

import os
import shlex

import spell.client

text_url = os.environ.get("TEXT_URL") or "https://www.gutenberg.org/files/2600/2600-0.txt"
train_seconds = os.environ.get("TRAIN_SECONDS")
machine_type = os.environ.get("MACHINE_TYPE") or "CPU"
client = spell.client.from_environment()


def finish(title, **request):
    """Starts a run and waits for its end; only a complete one lets the workflow go on."""
    run = client.runs.new(description=title, **request)
    print(f"{title}: run {run.id}", flush=True)
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    if run.status != client.runs.COMPLETE:
        raise SystemExit(f"{title}: run {run.id} ended as {run.status}; see `spell logs {run.id}`")
    return run


url = shlex.quote(text_url)
python_download = shlex.quote("import sys, urllib.request as web; web.urlretrieve(sys.argv[1], 'input.txt')")
# Not every machine has wget, or curl.
download = finish(
    "download",
    command=f"wget -nv -O input.txt {url} || curl -fsSL -o input.txt {url} || python -c {python_download} {url}",
)

training = finish(
    "train",
    command="python train.py --data_dir=/data" + (f" --seconds={shlex.quote(train_seconds)}" if train_seconds else ""),
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
