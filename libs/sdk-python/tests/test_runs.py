"""Launching and looking at runs: what is sent, what comes back."""

import copy
import datetime
import uuid
from pathlib import Path
from typing import Any

import pytest
from fake_spell import FakeSpell, run_json, says

from spell.api.exceptions import ClientException
from spell.client import SpellClient
from spell.client.runs import Run, RunsService

ALL_KEYWORDS = (
    "command machine_type project description github_url github_ref commit_label workflow_id workspace_id commit_hash "
    "cwd pip_packages apt_packages requirements_file conda_file docker_image framework framework_version envvars "
    "attached_resources labels tensorboard_directory distributed idempotent params timeout auto_resume stop_conditions "
    "provider node_group retry"
).split()


def sent(server: FakeSpell, client: SpellClient, **keywords: Any) -> Any:
    """Body of the create request that these keywords make."""
    server.on("POST", "runs/ada", says({"run": run_json()}))
    client.runs.new(**keywords)
    return server.bodies("runs/ada")[-1]


def test_constants() -> None:
    assert RunsService.COMPLETE == "complete"
    assert set(RunsService.FINAL) == {
        "complete",
        "failed",
        "stopped",
        "killed",
        "interrupted",
        "build_failed",
        "mount_failed",
    }
    names = {name for name in vars(RunsService) if not name.startswith("_") and name.isupper()}
    assert names == set(
        "BUILDING RUNNING SAVING PUSHING COMPLETE FAILED STOPPED KILLED INTERRUPTED BUILD_FAILED MOUNT_FAILED FINAL "
        "EQUALS GREATER_THAN GREATER_THAN_EQUALS LESS_THAN LESS_THAN_EQUALS".split()
    )


def test_names_on_the_wire(server: FakeSpell, client: SpellClient, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy==2\n", encoding="utf-8")
    body = sent(
        server,
        client,
        command="python x.py",
        machine_type="V100",
        commit_label="code",
        commit_hash="abc",
        cwd="src",
        pip_packages=["a==1"],
        requirements_file=requirements,
        envvars={"A": "1", "N": 5},
        attached_resources={"runs/1/x": "/data/x", "uploads/a": None, "uploads/b": ""},
        labels=["l"],
        timeout=3,
        params={"lr": 0.1},
        idempotent=True,
    )
    expected = {
        "command": "python x.py",
        "gpu": "V100",
        "commit_label": "code",
        "git_commit_hash": "abc",
        "cwd": "src",
        "pip_packages": ["a==1"],
        "requirements_file": "numpy==2\n",
        "environment_vars": {"A": "1", "N": "5"},
        "attached_resources": {
            "runs/1/x": {"mount_point": "/data/x"},
            "uploads/a": {"mount_point": ""},
            "uploads/b": {"mount_point": ""},
        },
        "labels": ["l"],
        "timeout_minutes": 3,
        "params": {"lr": 0.1},
        "idempotent": True,
        "run_type": "user",
    }
    assert {name: value for name, value in body.items() if value is not None} == expected
    assert {"machine_type", "envvars", "timeout", "commit_hash", "project"}.isdisjoint(body)


def test_none_for_every_keyword(server: FakeSpell, client: SpellClient) -> None:
    body = sent(server, client, **{name: None for name in ALL_KEYWORDS})
    assert {name: value for name, value in body.items() if value is not None} == {
        "gpu": "CPU",
        "idempotent": False,
        "run_type": "user",
    }
    assert body == sent(server, client)


def test_retries_are_a_number_or_a_policy(server: FakeSpell, client: SpellClient) -> None:
    policy = {"limit": 2, "exit_codes": [1, 137], "backoff_seconds": 0.5}
    assert sent(server, client, retry=policy)["retry"] == policy
    assert sent(server, client, retry=3)["retry"] == {"limit": 3}
    assert "retry" not in sent(server, client)


def test_github_ref_defaults_to_head(server: FakeSpell, client: SpellClient) -> None:
    assert sent(server, client, github_url="https://example.org/a/b")["github_ref"] == "HEAD"
    assert sent(server, client, github_url="https://example.org/a/b", github_ref="v1")["github_ref"] == "v1"


def test_unknown_keyword_and_positional(server: FakeSpell, client: SpellClient) -> None:
    with pytest.raises(TypeError, match="machine"):
        client.runs.new(machine="V100")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        client.runs.new("echo hi")  # type: ignore[call-arg]
    assert server.calls == []


@pytest.mark.parametrize(
    "keywords",
    [
        {"github_url": "u", "commit_label": "l"},
        {"github_url": "u", "workspace_id": 1},
        {"conda_file": "f", "pip_packages": ["a"]},
        {"requirements_file": "/no/such/file"},
        {"params": {"a": float("nan")}},
        {"params": {"a": object()}},
        {"conda_file": "f", "requirements_file": "g"},
    ],
)
def test_refused_before_any_request(server: FakeSpell, client: SpellClient, keywords: Any) -> None:
    with pytest.raises(ClientException):
        client.runs.new(**keywords)
    assert server.calls == []


def test_project_is_found_by_name(server: FakeSpell, client: SpellClient) -> None:
    server.on("GET", "projects/ada", says({"spell_projects": [{"id": 3, "name": "other"}, {"id": 4, "name": "Nets"}]}))
    assert sent(server, client, project="nets")["project_id"] == 4
    with pytest.raises(ClientException, match="no project 'nope'"):
        client.runs.new(project="nope")


def test_each_create_has_its_own_key(server: FakeSpell, client: SpellClient) -> None:
    sent(server, client)
    sent(server, client)
    keys = [call.headers["Idempotency-Key"] for call in server.calls]
    assert len(set(keys)) == 2
    assert all(str(uuid.UUID(key)) == key and uuid.UUID(key).version == 4 for key in keys)


def test_forwarding_and_repr(run: Run) -> None:
    assert run.id == run.run.id == 7
    assert run.status == run.run.status == "machine_requested"
    assert run.run.creator is not None
    assert run.run.creator.user_name == "ada"
    assert run.gpu == "CPU"
    assert run.user_exit_code is None
    assert run.labels == []
    assert run.framework == "default"
    assert run.created_at == datetime.datetime(2024, 1, 31, 12, 34, 56, 123456, datetime.timezone.utc)
    assert repr(run) == repr(run.run)
    assert repr(run).startswith("Run(id=7, status='machine_requested', command='echo hi', creator=User(email='ada@")
    assert "user_exit_code" not in repr(run)
    assert {"id", "status", "wait_status"} <= set(dir(run))
    with pytest.raises(AttributeError, match="'Run' object has no attribute 'nonsense'"):
        run.nonsense()
    assert copy.copy(run).id == 7


def test_already_existed_survives_refresh(server: FakeSpell, client: SpellClient) -> None:
    server.on("POST", "runs/ada", says({"run": run_json(5, "complete"), "already_existed": True}))
    server.on("GET", "runs/ada/5", says({"run": run_json(5, "complete", user_exit_code="3")}))
    run = client.runs.new(idempotent=True)
    assert run.already_existed is True
    run.refresh()
    assert run.already_existed is True
    assert run.user_exit_code == 3


def test_get(server: FakeSpell, client: SpellClient) -> None:
    labels = [{"name": "good", "background_color_hex": 1}]
    server.on("GET", "runs/ada/5", says({"run": run_json(5, "running", labels=labels, unheard_of={"a": 1})}))
    run = client.runs.get(5)
    assert isinstance(run, Run)
    assert (run.id, run.labels) == (5, ["good"])
    assert client.api.get_run(5) == run.run


def test_list(server: FakeSpell, client: SpellClient) -> None:
    server.on("GET", "runs/ada", says({"runs": [run_json(2), run_json(1)]}))
    assert [run.id for run in client.runs.list(2, labels=["a b", "c"])] == [2, 1]
    path, _, query = server.calls[0].path.partition("?")
    assert path == "/v1/runs/ada"
    assert sorted(query.split("&")) == sorted(
        "page_size=2 sort_column=user_run_id sort_ascending=False show_uncategorized=False include_jupyter=False "
        "labels=a+b labels=c".split()
    )
    with pytest.raises(ClientException):
        client.runs.list(project="p", show_uncategorized=True)


def test_stop_kill_and_labels(server: FakeSpell, client: SpellClient, run: Run) -> None:
    for method, name in (("POST", "stop"), ("POST", "kill"), ("PUT", "add_label"), ("PUT", "remove_label")):
        server.on(method, "runs/ada/7/" + name, lambda call: call.raw(b"", 204))
    run.stop()
    run.kill()
    run.add_label("good")
    run.remove_label("good")
    client.api.add_label_for_run(7, "fine")
    seen = [(call.path.rpartition("/")[2], call.body) for call in server.calls[1:]]
    assert seen == [
        ("stop", None),
        ("kill", None),
        ("add_label", {"name": "good"}),
        ("remove_label", {"name": "good"}),
        ("add_label", {"name": "fine"}),
    ]
    stop = server.calls[1]
    assert stop.headers["Content-Length"] == "0"
    assert "Content-Type" not in stop.headers
