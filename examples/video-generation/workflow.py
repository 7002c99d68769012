"""Four stages that make a film of a double pendulum: swing, draw, glow, film.

Started with `spell workflow create --repo video=. "python workflow.py"`. The first three are asked for with
`idempotent`: where an identical run is there already, its outputs are taken. So a second start, say with another SPEED,
makes only the film. Environment: FRAMES, how many pictures (default: 120); SPEED, pictures per second (default: 25);
MACHINE_TYPE (default: CPU).
"""

import os

import spell.client

frames = int(os.environ.get("FRAMES") or 120)
speed = int(os.environ.get("SPEED") or 25)
machine_type = os.environ.get("MACHINE_TYPE") or "CPU"
client = spell.client.from_environment()


def stage(title, command, inputs=None, idempotent=True):
    """Runs a stage on this directory's code, or finds the run that has done it; gives it when it is complete."""
    run = client.runs.new(
        command=command,
        description=title,
        machine_type=machine_type,
        commit_label="video",
        attached_resources=inputs,
        idempotent=idempotent,
    )
    print(f"{title}: run {run.id}{', done before' if run.already_existed else ''}", flush=True)
    run.wait_status(*client.runs.FINAL)
    run.refresh()
    if run.status != client.runs.COMPLETE:
        raise SystemExit(f"{title}: run {run.id} ended as {run.status}; see `spell logs {run.id}`")
    return run


swing = stage("swing", f"python swing.py --frames {frames} path.csv")
draw = stage("draw", "python draw.py path.csv drawn", {f"runs/{swing.id}/path.csv": "path.csv"})
glow = stage("glow", "python glow.py drawn glowing", {f"runs/{draw.id}/drawn": "drawn"})
film = stage("film", f"python film.py --speed {speed} glowing film.gif", {f"runs/{glow.id}/glowing": "glowing"}, False)

for line in film.logs():
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
print(f"Fetch it: spell cp runs/{film.id}/film.gif")
