"""Fixtures: no settings from outside, a server, a client of it."""

import os
from pathlib import Path
from typing import Iterator

import pytest
from fake_spell import FakeSpell, fake_spell, run_json, says

from spell.client import SpellClient
from spell.client.runs import Run


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("SPELL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SPELL_DIR", str(tmp_path / "spell"))


@pytest.fixture
def server() -> Iterator[FakeSpell]:
    with fake_spell() as running:
        yield running


@pytest.fixture
def client(server: FakeSpell) -> Iterator[SpellClient]:
    made = SpellClient("secret", base_url=server.url, owner="ada")
    yield made
    made.close()


@pytest.fixture
def run(server: FakeSpell, client: SpellClient) -> Run:
    """Run 7, just created."""
    server.on("POST", "runs/ada", says({"run": run_json(7)}))
    return client.runs.new(command="echo hi")
