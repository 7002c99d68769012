"""Listing and copying: what arrives, where, and what is never written."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from fake_spell import Call, FakeSpell, says_raw, says_tar, streams, tar_of

from spell.api.exceptions import ClientException
from spell.api.extract import extract
from spell.api.models import LsLine
from spell.client import SpellClient
from spell.client.runs import Run

TREE = tar_of(("a", None), ("a/f.txt", b"hi"), ("g", b"G"))


def files(folder: Path) -> Dict[str, Optional[bytes]]:
    """Path → contents, None for folders, of everything below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def unpack(content: bytes, folder: Path, report: Any = None) -> None:
    extract(io.BytesIO(content).read, str(folder), report)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_ls(server: FakeSpell, client: SpellClient) -> None:
    lines = [{"path": "a/", "size": None}, {"path": "f", "size": 3, "date": "2024-01-31T12:34:56Z", "more": 1}]
    server.on("GET", "resources/ada/ls/runs/7", streams(*lines))
    server.on("GET", "resources/ada/ls/", says_raw(b'{"path": "runs/", "size": null}'))
    assert list(client.resources.ls("runs/7/")) == [LsLine("a/", None), LsLine("f", 3)]
    assert [line.date for line in client.resources.ls("runs/7")] == [None, "2024-01-31T12:34:56Z"]
    assert [line.path for line in client.resources.ls("")] == ["runs/"]
    with pytest.raises(TypeError):
        list(client.resources.ls(None))  # type: ignore[arg-type]


def test_ls_tells_what_is_wrong(server: FakeSpell, client: SpellClient) -> None:
    with pytest.raises(ClientException, match="no such thing"):
        list(client.resources.ls("runs/8"))
    server.on("GET", "resources/ada/ls/runs/7", streams({"path": "a", "size": 1}, {"status": "the disk is gone"}))
    with pytest.raises(ClientException, match="the disk is gone"):
        list(client.resources.ls("runs/7"))
    server.on("GET", "resources/ada/ls/runs/7", streams({"path": "a", "size": 1}, end=False))
    with pytest.raises(ClientException, match="Cannot reach"):
        list(client.resources.ls("runs/7"))


def test_cp_of_a_run(server: FakeSpell, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.on("GET", "resources/ada/cp/runs/7", says_tar(TREE))
    server.on("GET", "resources/ada/cp/runs/7/a%20b/f", says_tar(tar_of(("f", b"F"))))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    run.cp()
    run.cp("a b/f", "new/folder")
    run.cp("/a b/f/", here / "path")
    assert files(here) == {
        **{"a": None, "a/f.txt": b"hi", "g": b"G"},
        **{"new": None, "new/folder": None, "new/folder/f": b"F", "path": None, "path/f": b"F"},
    }
    assert server.calls[1].headers["Accept"] == "application/x-tar"
    with pytest.raises(ClientException, match="no such thing"):
        run.cp("none")


def test_cp_says_what_it_does(
    server: FakeSpell, client: SpellClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("GET", "resources/ada/cp/uploads/x", says_tar(TREE))
    client.resources.cp("uploads/x", tmp_path / "loud")
    assert capsys.readouterr().out == "Extracting a...\nExtracting a/f.txt...\nExtracting g...\n"
    client.resources.cp("uploads/x", tmp_path / "quiet", quiet=True)
    assert capsys.readouterr().out == ""
    assert files(tmp_path / "loud") == files(tmp_path / "quiet")


def cut_short(call: Call) -> None:
    call.send_response(200)
    call.send_header("Content-Type", "application/x-tar")
    call.send_header("Content-Length", str(len(TREE)))
    call.end_headers()
    call.wfile.write(TREE[:1024])
    call.hang_up()


@pytest.mark.parametrize(
    "answer", [says_raw(b"<html>"), says_tar(b""), says_tar(b"x" * 4096), says_tar(TREE[:1025]), cut_short]
)
def test_cp_of_what_is_no_archive(server: FakeSpell, run: Run, tmp_path: Path, answer: Any) -> None:
    server.on("GET", "resources/ada/cp/runs/7", answer)
    with pytest.raises(ClientException):
        run.cp("", tmp_path / "out")


def test_an_empty_folder_makes_the_destination(tmp_path: Path) -> None:
    unpack(tar_of(), tmp_path / "out" / "deep")
    assert (tmp_path / "out" / "deep").is_dir()


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/tmp/spell-evil", "a/b/../../../evil", "..", "/", ".", "a/..", "a/../../out"]
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    told: List[str] = []
    with pytest.raises(ClientException, match="outside"):
        unpack(tar_of((name, b"x")), tmp_path / "out", told.append)
    assert (files(tmp_path), told) == ({"out": None}, [])


def test_links_of_the_archive(tmp_path: Path) -> None:
    archive = tar_of(
        *(
            ("d", None),
            ("d/f", b"F"),
            link("latest", "d/f"),
            link("d/up", "../d"),
            link("same", "d/f", tarfile.LNKTYPE),
        ),
        *(link("out", "../../etc"), link("abs", "/etc/passwd"), link("d/far", "../../x")),
    )
    with pytest.warns(UserWarning, match="left out") as warned:
        unpack(archive, tmp_path)
    assert len(warned) == 3
    assert sorted(os.listdir(tmp_path)) == ["d", "latest", "same"]
    assert os.readlink(tmp_path / "latest") == "d/f"
    assert os.readlink(tmp_path / "d" / "up") == "../d"
    assert not (tmp_path / "same").is_symlink()
    assert (tmp_path / "same").read_bytes() == b"F"


def test_links_that_lead_out_together(tmp_path: Path) -> None:
    # Each by itself stays inside, as long as the other one is not there.
    for order in (("b", "a"), ("a", "b")):
        folder = tmp_path / "".join(order)
        targets = {"a": ".", "b": "a/.."}
        with pytest.warns(UserWarning, match="left out"):
            unpack(tar_of(*(link(name, targets[name]) for name in order)), folder)
        assert os.listdir(folder) == ["a"]


def test_a_name_with_a_zero_byte(tmp_path: Path) -> None:
    member = tarfile.TarInfo("plain")
    member.pax_headers = {"path": "a\0b"}
    with pytest.raises(ClientException):
        unpack(tar_of(member), tmp_path / "out")


def test_no_member_is_written_through_a_link(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    # A link of the archive comes last, so the name is a folder by then.
    with pytest.raises(ClientException, match="folder here"):
        unpack(tar_of(("d", None), link("b", "d"), ("b/f", b"x")), folder)
    # And one that was there before leads out.
    (folder / "old").symlink_to(outside)
    (folder / "note").symlink_to(outside / "note")
    with pytest.raises(ClientException, match="outside"):
        unpack(tar_of(("old/f", b"x")), folder)
    unpack(tar_of(("note", b"mine")), folder)
    assert files(outside) == {}
    assert not (folder / "note").is_symlink()
    with pytest.raises(ClientException, match="refused"):
        unpack(tar_of(link("hard", "old", tarfile.LNKTYPE)), folder)
    with pytest.raises(ClientException, match="outside"):
        unpack(tar_of(link("hard", "../outside/secret", tarfile.LNKTYPE)), folder)


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(ClientException, match="refused"):
        unpack(tar_of(link("x", "", kind)), tmp_path)
    assert files(tmp_path) == {}


def test_files_are_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "g").write_bytes(b"old and longer")
    (tmp_path / "a").write_bytes(b"a file where a folder comes")
    unpack(TREE, tmp_path)
    assert files(tmp_path) == {"a": None, "a/f.txt": b"hi", "g": b"G"}
    program = tarfile.TarInfo("g")
    program.mode, program.mtime = 0o4755, 1000
    unpack(tar_of(program), tmp_path)
    mode = (tmp_path / "g").stat()
    assert (stat.S_IMODE(mode.st_mode) & 0o7111, mode.st_mtime) == (0o111, 1000)
    with pytest.raises(ClientException, match="is a folder here"):
        unpack(tar_of(("a", b"x")), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a", "g"]


@pytest.mark.parametrize("packed", ["gz", "bz2", "xz"])
def test_packed_archives(tmp_path: Path, packed: str) -> None:
    packs: Dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    unpack(packs[packed](TREE), tmp_path)
    assert (tmp_path / "a" / "f.txt").read_bytes() == b"hi"


def test_a_destination_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ClientException, match="Cannot copy to"):
        unpack(TREE, tmp_path / "file")


def test_an_archive_to_read(server: FakeSpell, client: SpellClient, tmp_path: Path) -> None:
    server.on("GET", "resources/ada/cp/uploads/x", says_tar(TREE))
    with client.api.tar_of_path("uploads/x") as archive:
        assert [member.name for member in archive] == ["a", "a/f.txt", "g"]
    said: List[str] = []
    client.api.download_resources(["uploads/x"], str(tmp_path), said.append)
    client.api.download_resources(["uploads/x"], str(tmp_path), said.append, quiet=True)
    assert said == ["Extracting a...", "Extracting a/f.txt...", "Extracting g..."]
