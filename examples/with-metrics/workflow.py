"""Launches a training, waits until its loss is small enough, stops it, and reads what it had learnt.

Started with `spell workflow create --repo line=. "python workflow.py"`. Environment: MACHINE_TYPE (default: CPU).
"""

import os

import spell.client

GOOD_ENOUGH = 0.5

client = spell.client.from_environment()
training = client.runs.new(
    command="python train.py",
    machine_type=os.environ.get("MACHINE_TYPE") or "CPU",
    commit_label="line",
)
print(f"run {training.id} trains", flush=True)
training.wait_metric("loss", client.runs.LESS_THAN, GOOD_ENOUGH)

training.stop()
training.wait_status(*client.runs.FINAL)
training.refresh()
print(f"run {training.id} is {training.status}")

losses = [value for _, _, value in training.metrics("loss")]
print(f"the loss fell from {losses[0]:.2f} to less than {GOOD_ENOUGH} in {len(losses)} steps")

training.cp("line.txt")
with open("line.txt") as file:
    slope, offset = map(float, file.read().split())
print(f"y = {slope:.1f} x + {offset:.1f}")
