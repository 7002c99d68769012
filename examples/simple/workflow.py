"""Two runs: the first writes a file, the second mounts it.

Started with `spell workflow create "python workflow.py"`. Environment: MACHINE_TYPE, where to run (default: CPU).
"""

import os

import spell.client

client = spell.client.from_environment()
machine_type = os.environ.get("MACHINE_TYPE") or "CPU"
print(f"workflow {client.active_workflow.id}" if client.active_workflow else "no workflow")


def complete(run):
    """Waits for the run's end; only a complete one lets the script go on."""
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    if run.status != client.runs.COMPLETE:
        raise SystemExit(f"run {run.id} ended as {run.status}; see `spell logs {run.id}`")
    return run


writer = client.runs.new(command="seq 1 10 > numbers.txt", machine_type=machine_type)
print(f"run {writer.id} writes numbers.txt", flush=True)
complete(writer)

reader = client.runs.new(
    command='echo "$(wc -l < /data/numbers.txt) numbers, the last is $(tail -n 1 /data/numbers.txt)"',
    machine_type=machine_type,
    attached_resources={f"runs/{writer.id}/numbers.txt": "/data/numbers.txt"},
)
print(f"run {reader.id} reads it", flush=True)
complete(reader)

for line in reader.logs():
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
