"""Who is asking, and whom: environment, config file, defaults."""

from pathlib import Path

import pytest
from fake_spell import FakeSpell, run_json, says

import spell.client
from spell.api.exceptions import ClientException, UnauthorizedClient
from spell.client import SpellClient
from spell.config import DEFAULT_BASE_URL, parse_flat_yaml, settings_from

WORKFLOW = {"id": 9, "workspace_specs": {"code": {}}, "managing_run": run_json(335, "running"), "runs": []}


def write_config(tmp_path: Path, text: str) -> None:
    (tmp_path / "spell").mkdir()
    (tmp_path / "spell" / "config").write_text(text, encoding="utf-8")


def test_nobody_logged_in_is_explained() -> None:
    with pytest.raises(ClientException, match="Spell configuration not found.*spell login") as caught:
        spell.client.from_environment()
    assert "spell login" in (caught.value.message or "")


def test_token_without_owner_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_config(tmp_path, "token: filed\nowner: eve\n")
    monkeypatch.setenv("SPELL_TOKEN", "secret")
    with pytest.raises(ClientException, match="SPELL_OWNER"):
        spell.client.from_environment()


def test_config_without_owner_or_user_is_refused(tmp_path: Path) -> None:
    write_config(tmp_path, "token: filed\n")
    with pytest.raises(ClientException, match="no owner"):
        spell.client.from_environment()


def test_config_file_is_a_whole_login(server: FakeSpell, tmp_path: Path) -> None:
    write_config(
        tmp_path,
        f"type: global\nuser_name: ada\nemail: ada@example.org\ntoken: filed\napi_url: {server.url}\n",
    )
    server.on("GET", "runs/ada", says({"runs": []}))
    client = spell.client.from_environment()
    assert client.runs.list() == []
    assert client.api.owner == "ada"
    assert client.active_workflow is None
    assert server.calls[0].headers["Authorization"] == "Bearer filed"
    client.close()


def test_environment_wins_over_config(tmp_path: Path) -> None:
    write_config(tmp_path, "user_name: eve\nowner: eve\ntoken: filed\napi_url: http://filed:1\n")
    environ = {"SPELL_DIR": str(tmp_path / "spell")}
    assert settings_from(environ) == ("filed", "eve", "http://filed:1", None)
    environ.update(SPELL_OWNER="org", SPELL_API_URL="http://api:2")
    assert settings_from(environ) == ("filed", "org", "http://api:2", None)
    environ.update(SPELL_TOKEN="given", SPELL_BASE_URL="http://base:3", SPELL_WORKFLOW_ID="9")
    assert settings_from(environ) == ("given", "org", "http://base:3", 9)


def test_default_url() -> None:
    environ = {"SPELL_TOKEN": "t", "SPELL_OWNER": "o", "SPELL_DIR": "/nowhere"}
    assert settings_from(environ).base_url == DEFAULT_BASE_URL


def test_workflow_id_must_be_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELL_TOKEN", "t")
    monkeypatch.setenv("SPELL_OWNER", "o")
    monkeypatch.setenv("SPELL_WORKFLOW_ID", "nine")
    with pytest.raises(ClientException, match="SPELL_WORKFLOW_ID"):
        spell.client.from_environment()


def test_workflow_is_fetched_and_joined(monkeypatch: pytest.MonkeyPatch, server: FakeSpell) -> None:
    for name, value in (("TOKEN", "t"), ("OWNER", "ada"), ("WORKFLOW_ID", "9"), ("BASE_URL", server.url)):
        monkeypatch.setenv("SPELL_" + name, value)
    server.on("GET", "workflows/ada/9", says({"workflow": WORKFLOW}))
    server.on("POST", "runs/ada", says({"run": run_json(336)}))
    client = spell.client.from_environment()
    workflow = client.active_workflow
    assert workflow is not None
    assert (workflow.id, workflow.workflow.id, workflow.managing_run.id, workflow.runs) == (9, 9, 335, [])
    assert repr(workflow).startswith("Workflow(id=9, workspace_specs=")
    client.runs.new(command="true")
    client.runs.new(command="true", workflow_id=4)
    assert [body["workflow_id"] for body in server.bodies("runs/ada")] == [9, 4]
    server.on("GET", "workflows/ada/9", says({"workflow": dict(WORKFLOW, runs=[run_json(336)])}))
    workflow.refresh()
    assert [run.id for run in workflow.runs] == [336]
    client.close()


def test_owner_is_asked_for(server: FakeSpell) -> None:
    server.on("GET", "users/me", says({"user": {"user_name": "grace"}}))
    client = SpellClient(token="secret", base_url=server.url)
    assert client.api.owner == "grace"
    client.close()


def test_no_token_raises_before_any_request(server: FakeSpell) -> None:
    client = SpellClient(None, base_url=server.url, owner="ada")
    with pytest.raises(UnauthorizedClient):
        client.runs.list()
    assert server.calls == []


@pytest.mark.parametrize(
    "url", ["ftp://host", "host:80", "http://", "http://host:port", "http://ho st", "http://h?q=1"]
)
def test_url_that_is_none(url: str) -> None:
    with pytest.raises(ClientException, match="SPELL_BASE_URL"):
        SpellClient("secret", base_url=url, owner="ada")


def test_url_with_a_path_and_admin_cookie(server: FakeSpell) -> None:
    server.answers[("GET", "/farm/v2/runs/a%2Fb:c")] = [says({"runs": []})]
    client = SpellClient("secret", "boss", base_url=server.url + "/farm/", version_str="v2", owner="a/b:c")
    assert client.runs.list() == []
    assert server.calls[0].headers["Cookie"] == "SpellAdminAuthorization=boss"
    client.close()


@pytest.mark.parametrize("token", ["two\r\nlines", "a b", "t\u00f6ken", "nul\x00"])
def test_token_that_no_header_can_carry(token: str) -> None:
    with pytest.raises(ClientException, match="token") as caught:
        SpellClient(token, owner="ada")
    assert token not in str(caught.value)


def test_flat_yaml() -> None:
    text = (
        "\ufeff---\n# comment: no\ntype: global\r\ntoken: \"a\\u0041: #b\" # c\nowner: 'it''s'\nurl: http://h:1/x # c\n"
        'empty:\nnothing: null\nquoted_null: "null"\nlist:\n  - a: b\nnested:\n  token: other\n'
        'broken: "abc\nodd:value\n'
        "folded: >\n  text\nflow: [a, b]\nhash: a#b\n'single': 1\n"
    )
    assert parse_flat_yaml(text) == {
        "type": "global",
        "token": "aA: #b",
        "owner": "it's",
        "url": "http://h:1/x",
        "quoted_null": "null",
        "hash": "a#b",
        "single": "1",
    }


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"\x00" * 100, b"- a\n- b\n", b"just text"])
def test_config_that_is_none_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    write_config(tmp_path, "")
    (tmp_path / "spell" / "config").write_bytes(content)
    with pytest.raises(ClientException, match="configuration not found"):
        spell.client.from_environment()
