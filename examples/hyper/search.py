"""Looks for a good learning rate and a good number of hidden units: first on a grid, then by a bayesian search.

Started with `spell workflow create --repo hyper=. "python search.py"`. Environment: RUNS, how many runs the bayesian search
makes (default: 12); MACHINE_TYPE (default: CPU).
"""

import os

import spell.client
from spell.api.models import RangeSpec, ValueSpec

client = spell.client.from_environment()
common = {
    "command": "python train.py :rate: :units:",
    "machine_type": os.environ.get("MACHINE_TYPE") or "CPU",
    "commit_label": "hyper",
}


def finished(search):
    """The search once all its runs have ended; a bayesian one makes runs until then."""
    while True:
        for run in search.runs:
            run.wait_status(*client.runs.FINAL)
        known = len(search.runs)
        search.refresh()
        if search.status != "running" and len(search.runs) == known:
            return search


def best(search):
    """The run that reached most, and what it reached."""
    reached = {run_id: [value for _, _, value in points][-1] for run_id, points in search.metrics("accuracy").items()}
    run = max(search.runs, key=lambda each: reached.get(each.id, 0))
    return run, reached[run.id]


def show(title, search):
    run, accuracy = best(finished(search))
    values = ", ".join(f"{name} {value:.4g}" for name, value in sorted(run.hyper_params.items()))
    print(f"{title}: {len(search.runs)} runs, best is run {run.id} with {values}: {accuracy:.3f}", flush=True)


grid = {"rate": ValueSpec([0.001, 0.01, 0.1]), "units": ValueSpec([2, 4])}
show("grid", client.hyper.new_grid_search(grid, **common))

ranges = {
    "rate": RangeSpec(0.001, 1, scaling=client.hyper.LOG),
    "units": RangeSpec(2, 12, type=client.hyper.INT),
}
show(
    "bayesian",
    client.hyper.new_bayesian_search(
        ranges,
        num_runs=int(os.environ.get("RUNS") or 12),
        parallel_runs=3,
        metric="accuracy",
        metric_agg="last",
        **common,
    ),
)
