"""Models: made, found, fetched, removed; and model servers, which there are none of."""

from pathlib import Path
from typing import Any, Dict

import pytest
from fake_spell import FakeSpell, says, says_tar, tar_of

from spell.api.exceptions import ClientException
from spell.api.models import SpellModel
from spell.client import SpellClient
from spell.client.models import Model, ModelVersion

VERSION: Dict[str, Any] = {
    "id": 1,
    "formatted_version": "v1",
    "version": None,
    "created_at": "2024-01-31T12:34:56Z",
    "resource": "runs/7",
    "files": [{"resource_path": "save", "destination_path": None, "is_dir": True}, {"resource_path": "f"}],
    "description": "d",
    "model_name": "m",
}
MODEL = {"id": 4, "name": "m", "created_at": "2024-01-31T12:34:56Z", "model_versions": [VERSION]}


@pytest.fixture
def models(server: FakeSpell) -> FakeSpell:
    server.on("POST", "model/ada", says({"model_version": VERSION}))
    server.on("GET", "model/ada", says({"models": [MODEL]}))
    server.on("GET", "model/ada/m", says({"model": MODEL}))
    server.on("GET", "model/ada/m/version/v1", says({"model_version": VERSION}))
    return server


def test_new(models: FakeSpell, client: SpellClient) -> None:
    model = client.models.new("m", "runs/7", files=["save", "f:g"])
    assert models.calls[0].body == {
        "name": "m",
        "resource": "runs/7",
        "version": None,
        "description": None,
        "files": [
            {"resource_path": "save", "destination_path": None},
            {"resource_path": "f", "destination_path": "g"},
        ],
    }
    assert isinstance(model, Model)
    assert (model.id, model.spell_model.name) == (4, "m")
    assert [version.formatted_version for version in model.model_versions] == ["v1"]
    assert model.model_versions[0].specifier == "m:v1"


@pytest.mark.parametrize("file", ["a:b:c", "", ":b", "a:", None])
def test_files_that_cannot_be_meant(server: FakeSpell, client: SpellClient, file: Any) -> None:
    with pytest.raises(ClientException, match="RESOURCE_PATH"):
        client.models.new("m", "runs/7", files=[file])
    assert server.calls == []


def test_find_and_remove(models: FakeSpell, client: SpellClient) -> None:
    assert isinstance(client.models.get("m"), Model)
    version = client.models.get("m", version="v1")
    assert isinstance(version, ModelVersion)
    assert version.model_version == version.model_version
    assert client.models.list() == [SpellModel.from_json(MODEL)]
    models.on("DELETE", "model/ada/m", says({}))
    models.on("DELETE", "model/ada/m/version/v1", says({}))
    client.models.rm("m")
    client.models.rm("m", "v1")
    assert [call.path for call in models.calls[-2:]] == ["/v1/model/ada/m", "/v1/model/ada/m/version/v1"]
    with pytest.raises(ClientException):
        client.models.get("m", "v9")


def test_download(models: FakeSpell, client: SpellClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models.on("GET", "resources/ada/cp/runs/7/save", says_tar(tar_of(("a", b"A"))))
    models.on("GET", "resources/ada/cp/runs/7/f", says_tar(tar_of(("f", b"F"))))
    version = client.models.get("m", "v1")
    assert isinstance(version, ModelVersion)
    version.download(tmp_path / "m")
    assert capsys.readouterr().out == "Extracting a...\nExtracting f...\n"
    assert {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()} == {"a": b"A", "f": b"F"}
    whole = dict(VERSION, files=[{"resource_path": ".", "destination_path": None}])
    models.on("GET", "model/ada/m/version/v2", says({"model_version": whole}))
    models.on("GET", "resources/ada/cp/runs/7", says_tar(tar_of(("all", b"1"))))
    version = client.models.get("m", "v2")
    assert isinstance(version, ModelVersion)
    version.download(tmp_path / "w", quiet=True)
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["all"]
    assert capsys.readouterr().out == ""


def test_model_servers_are_not_offered(server: FakeSpell, client: SpellClient) -> None:
    for name in ("list", "get", "serve", "rm"):
        with pytest.raises(ClientException, match="does not offer model servers"):
            getattr(client.servers, name)("a", "b")
    assert (server.calls, client.servers.RUNNING) == ([], "running")
