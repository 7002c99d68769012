"""The calls of ``client.api``: method, path and body of each, as users call them."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
from fake_spell import FakeSpell, run_json, says

from spell.api.client import APIClient
from spell.api.exceptions import ClientException, JsonDecodeError
from spell.api.models import ConditionSpecs, RunRequest, StopConditions
from spell.client import SpellClient
from spell.client.runs import Run

AT = "2024-01-31T12:34:56Z"
LINK = {"alias": "al", "resource_path": "runs/7", "created_at": AT}
DATASET = {"id": 5, "name": "d", "status": "new"}
PROJECT = {"id": 2, "name": "P"}
WORKSPACE = {"id": 1, "name": "w", "git_remote_url": "u", "root_commit": "x"}
WORKFLOW = {"id": 9, "managing_run": run_json(7), "runs": [run_json(8)]}
BATCH = {"successful_run_ids": [1], "failed_run_ids": [], "non_existent_run_ids": [2], "post_running_run_ids": []}

Case = Tuple[Callable[[APIClient], Any], str, str, Any, Any]
CASES: List[Case] = [
    (lambda api: api.stop_runs([1, 2]), "POST", "runs/ada/stop_batch", BATCH, {"run_ids": [1, 2]}),
    (lambda api: api.kill_runs((1, 2)), "POST", "runs/ada/kill_batch", BATCH, {"run_ids": [1, 2]}),
    (lambda api: api.archive_runs([1]), "POST", "runs/ada/archive_batch", BATCH, {"run_ids": [1]}),
    (lambda api: api.archive_run(7), "DELETE", "runs/ada/7", {}, None),
    (lambda api: api.add_label_for_run(7, "l"), "PUT", "runs/ada/7/add_label", {}, {"name": "l"}),
    (lambda api: api.rm_label_for_run(7, "l"), "PUT", "runs/ada/7/remove_label", {}, {"name": "l"}),
    (lambda api: api.get_workflow(9), "GET", "workflows/ada/9", {"workflow": WORKFLOW}, None),
    (lambda api: api.stop_workflow(9), "POST", "workflows/ada/9/stop", {}, None),
    (lambda api: api.kill_workflow(9), "POST", "workflows/ada/9/kill", {}, None),
    (lambda api: api.archive_workflow(9), "DELETE", "workflows/ada/9", {}, None),
    (lambda api: api.create_project({"name": "P"}), "POST", "projects/ada", {"spell_project": PROJECT}, {"name": "P"}),
    (lambda api: api.get_project(2), "GET", "projects/ada/2", {"spell_project": PROJECT}, None),
    (lambda api: api.edit_project(2, "x", None), "PATCH", "projects/ada/2", {}, {"name": "x", "description": None}),
    (lambda api: api.archive_project(2), "DELETE", "projects/ada/2", {}, None),
    (lambda api: api.unarchive_project(2), "POST", "projects/ada/unarchive", {}, {"project_id": 2}),
    (lambda api: api.add_runs(2, [1]), "POST", "projects/ada/2/runs", {}, {"run_ids": [1]}),
    (lambda api: api.remove_runs(2, [1]), "DELETE", "projects/ada/2/runs", {}, {"run_ids": [1]}),
    (
        lambda api: api.create_link("runs/7", "al"),
        *("POST", "links/ada", {"resource_link": LINK}, {"resource_path": "runs/7", "alias": "al"}),
    ),
    (lambda api: api.list_links(), "GET", "links/ada", {"resource_links": [LINK]}, None),
    (lambda api: api.get_link("al"), "GET", "links/ada/al", {"resource_link": LINK}, None),
    (lambda api: api.remove_link("al"), "DELETE", "links/ada/al", {}, None),
    (
        lambda api: api.new_dataset("d"),
        *("POST", "datasets/ada", {"user_dataset": DATASET}, {"name": "d", "cluster_name": None, "compressed": False}),
    ),
    (lambda api: api.complete_upload(5), "POST", "datasets/ada/5/upload_complete", {}, None),
    (lambda api: api.remove_dataset("d"), "DELETE", "datasets/ada", {}, {"name": "d"}),
    (lambda api: api.get_user_info(), "GET", "users/me", {"user": {"user_name": "ada"}}, None),
    (lambda api: api.get_owner_details(), "GET", "features/ada", {"owner": {"name": "ada", "type": "user"}}, None),
    (lambda api: api.list_access_tokens(), "GET", "users/me/access_tokens", {"access_tokens": [{"name": "n"}]}, None),
    (lambda api: api.create_access_token("n"), "POST", "users/me/access_tokens", {"token": "t"}, {"name": "n"}),
    (lambda api: api.delete_access_token("n"), "DELETE", "users/me/access_tokens", {}, {"name": "n"}),
    (
        lambda api: api.new_workspace("x", "w", "d"),
        *("PUT", "workspaces/ada", {"workspace": WORKSPACE}, {"root_commit": "x", "name": "w", "description": "d"}),
    ),
    (lambda api: api.get_workspaces(), "GET", "workspaces/ada", {"workspaces": [WORKSPACE]}, None),
    (lambda api: api.get_workspace(1), "GET", "workspaces/ada/1", {"workspace": WORKSPACE}, None),
    (lambda api: api.delete_workspace(1), "DELETE", "workspaces/ada/1", {}, None),
    (
        lambda api: api.update_model_description("ada", "m", "v1", "new"),
        *("PUT", "model/ada/m/version/v1", {}, {"description": "new"}),
    ),
]


@pytest.mark.parametrize(("call", "method", "path", "answer", "body"), CASES, ids=[f"{c[1]} {c[2]}" for c in CASES])
def test_calls(
    server: FakeSpell,
    client: SpellClient,
    call: Callable[[APIClient], Any],
    method: str,
    path: str,
    answer: Dict[str, Any],
    body: Optional[Dict[str, Any]],
) -> None:
    server.on(method, path, says(answer))
    call(client.api)
    ((seen),) = server.calls
    assert (seen.method, seen.path, seen.body) == (method, "/v1/" + path, body)


def test_answers(server: FakeSpell, client: SpellClient) -> None:
    api = client.api
    server.on("POST", "runs/ada/stop_batch", says(BATCH))
    assert api.stop_runs([1, 2]) == BATCH
    server.on("GET", "links/ada", says({"resource_links": [LINK]}))
    (link,) = api.list_links()
    assert (link["alias"], link["resource_path"], link["created_at"].year) == ("al", "runs/7", 2024)
    server.on("GET", "links/ada/none", says({}))
    with pytest.raises(ClientException, match="no link 'none'"):
        api.get_link("none")
    server.on("GET", "projects/ada", says({"spell_projects": [PROJECT]}))
    assert [project.name for project in api.list_projects(show_archived=True)] == ["P"]
    assert server.calls[-1].path == "/v1/projects/ada?archived=True"
    server.on("GET", "workspaces/ada", says({"workspaces": [WORKSPACE]}))
    assert api.get_workspaces_by_name("w")[0].git_remote_url == "u"
    assert server.calls[-1].path == "/v1/workspaces/ada?name=w"
    server.on("GET", "runs/ada", says({"runs": {}}))
    with pytest.raises(JsonDecodeError, match="'runs' is not a list"):
        api.list_runs()


def test_as_users_call_it(server: FakeSpell, client: SpellClient) -> None:
    server.on("GET", "runs/ada/7", says({"run": run_json(7, "complete")}))
    run = Run(client.api, client.api.get_run(7))
    assert (run.status, client.api.owner) == ("complete", "ada")
    server.on("GET", "runs/ada", says({"runs": [run_json(2)]}))
    client.api.list_runs(workspace_ids=[1, 2], number=5, project=3, show_uncategorized=True, labels=["x"])
    assert sorted(server.calls[-1].path.partition("?")[2].split("&")) == sorted(
        "workspace_id=1 workspace_id=2 include_jupyter=False labels=x project_id=3 show_uncategorized=True page_size=5 "
        "sort_column=user_run_id sort_ascending=False".split()
    )


def test_workflows_are_created_with_a_run_or_without(server: FakeSpell, client: SpellClient) -> None:
    server.on("POST", "workflows/ada", says({"workflow": WORKFLOW}))
    specs = {"l": {"workspace_id": 1, "commit_hash": "x"}}
    assert client.api.workflow(None, specs, {}).id == 9
    assert server.calls[-1].body == {"run": None, "workspace_specs": specs, "github_specs": {}}
    client.api.workflow(RunRequest(command="x", run_type="workflow"), {}, {})
    run = server.calls[-1].body["run"]
    assert (run["command"], run["gpu"], run["run_type"]) == ("x", "CPU", "workflow")


def test_stop_conditions(server: FakeSpell, client: SpellClient) -> None:
    server.on("POST", "runs/ada", says({"run": run_json()}))
    condition = ConditionSpecs("loss", "<", 0.1, 2)
    as_json = [[{"metric": "loss", "operator": "<", "value": 0.1, "min_indices": 2}]]
    for given in (StopConditions([[condition]]), [[condition]], as_json):
        client.runs.new(command="x", stop_conditions=given)
        assert server.calls[-1].body["stop_conditions"] == as_json
    assert StopConditions([[condition]]) == StopConditions([[ConditionSpecs("loss", "<", 0.1, 2)]])
