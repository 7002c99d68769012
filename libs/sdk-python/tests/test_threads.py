"""Several threads, one client."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, List

from fake_spell import Call, FakeSpell, entry, finished, run_json, streams

from spell.client import SpellClient

THREADS = 12
RUNS_EACH = 8


def test_threads_share_a_client(server: FakeSpell, client: SpellClient) -> None:
    numbers = itertools.count(1)
    lock = threading.Lock()
    commands: Dict[int, str] = {}

    def create(call: Call) -> None:
        with lock:
            run_id = next(numbers)
            commands[run_id] = call.body["command"]
            for path in ("wait_status", "logs"):
                verdict = {"success": True} if path == "wait_status" else finished(1)
                answer = streams(entry(0, commands[run_id]), verdict)
                server.on("POST", f"runs/ada/{run_id}/{path}", answer)
        call.json({"run": run_json(run_id, command=commands[run_id])})

    server.on("POST", "runs/ada", create)

    def work(thread: int) -> List[int]:
        made = []
        for number in range(RUNS_EACH):
            command = f"echo {thread} {number}"
            run = client.runs.new(command=command)
            assert run.command == command
            run.wait_status(*client.runs.FINAL)
            assert [str(line) for line in run.logs()] == [command]
            made.append(run.id)
        return made

    with ThreadPoolExecutor(THREADS) as pool:
        ids = [run_id for made in pool.map(work, range(THREADS)) for run_id in made]
    assert sorted(ids) == list(range(1, THREADS * RUNS_EACH + 1))
    assert len(server.connections) <= THREADS
