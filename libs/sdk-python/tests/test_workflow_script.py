"""A whole workflow script against a server that keeps runs."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

from fake_spell import Call, FakeSpell, entry, finished, run_json, says

SCRIPT = """
import spell.client
client = spell.client.from_environment()
r = client.runs.new(command="wget -O input.txt {}".format("http://example.org/a.txt"))
print("waiting for run {} to complete".format(r.id))
r.wait_status(*client.runs.FINAL)
r.refresh()
if r.status != client.runs.COMPLETE:
    raise OSError(f"failed at run {r.id}")
r = client.runs.new(
    machine_type="V100",
    command="python sample.py",
    attached_resources={"runs/{}/save".format(r.id): "save"},
    commit_label="char-rnn",
)
r.wait_status(client.runs.COMPLETE)
r.refresh()
if r.status != client.runs.COMPLETE:
    raise OSError(f"failed at run {r.id}")
print("Logs from run {}:".format(r.id))
for line in r.logs():
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
"""


class KeptRuns:
    """Runs that complete as soon as somebody waits for them."""

    def __init__(self, server: FakeSpell) -> None:
        self.server = server
        self.statuses: Dict[int, str] = {}
        self.requests: List[Any] = []
        server.on("GET", "workflows/ada/9", says({"workflow": {"id": 9}}))
        server.on("POST", "runs/ada", self.create)

    def create(self, call: Call) -> None:
        run_id = 336 + len(self.requests)
        self.requests.append(call.body)
        self.statuses[run_id] = "machine_requested"
        path = f"runs/ada/{run_id}"
        self.server.on("GET", path, lambda call: call.json({"run": run_json(run_id, self.statuses[run_id])}))
        self.server.on("POST", path + "/wait_status", lambda call: self.wait(call, run_id))
        self.server.on("POST", path + "/logs", self.logs)
        call.json({"run": run_json(run_id, "machine_requested")})

    def wait(self, call: Call, run_id: int) -> None:
        self.statuses[run_id] = "complete"
        assert "complete" in call.body["statuses"]
        call.events({"connected": True}, {"success": True})

    def logs(self, call: Call) -> None:
        call.events(
            entry(0, "Run is running", status_event=True),
            entry(1, "Caf\u00e9 and peace"),
            entry(2, "Run is saving", status="saving", status_event=True),
            finished(3),
        )


def run_script(server: FakeSpell) -> "subprocess.CompletedProcess[bytes]":
    env = {
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "PYTHONIOENCODING": "utf-8",
        "SPELL_TOKEN": "secret",
        "SPELL_OWNER": "ada",
        "SPELL_BASE_URL": server.url,
        "SPELL_WORKFLOW_ID": "9",
    }
    return subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, timeout=60)


def test_script_runs_through(server: FakeSpell) -> None:
    kept = KeptRuns(server)
    done = run_script(server)
    assert done.stderr == b""
    assert done.stdout.decode().split("\n") == [
        "waiting for run 336 to complete",
        "Logs from run 337:",
        "Caf\u00e9 and peace",
        "",
    ]
    first, second = kept.requests
    assert (first["gpu"], first["workflow_id"], first["command"]) == (
        "CPU",
        9,
        "wget -O input.txt http://example.org/a.txt",
    )
    assert (second["gpu"], second["commit_label"]) == ("V100", "char-rnn")
    assert second["attached_resources"] == {"runs/336/save": {"mount_point": "save"}}


def test_script_says_whom_it_cannot_reach(server: FakeSpell) -> None:
    server.on("GET", "workflows/ada/9", says({"error": "no such workflow"}, 404))
    done = run_script(server)
    assert done.returncode == 1
    assert b"ClientException: no such workflow" in done.stderr
