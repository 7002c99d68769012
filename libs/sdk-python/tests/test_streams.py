"""wait_status and logs: happy, broken, resumed, hostile."""

import json
import time
from typing import Any, List

import pytest
from fake_spell import (
    Call,
    FakeSpell,
    entry,
    fake_spell,
    finished,
    free_port,
    hangs_up,
    run_json,
    says,
    says_raw,
    streams,
    streams_raw,
)

import spell.api.exchange
from spell.api.exceptions import ClientException, JsonDecodeError, UnauthorizedRequest, WaitError
from spell.api.models import LogEntry
from spell.client import SpellClient
from spell.client.runs import Run

WAIT = "runs/ada/7/wait_status"
LOGS = "runs/ada/7/logs"


def line(event: Any) -> bytes:
    return json.dumps(event).encode() + b"\n"


def log_of(server: FakeSpell, count: int, cut_every: int) -> None:
    """A log that is served honestly from the asked offset, but cut after every so many entries."""

    def answer(call: Call) -> None:
        start = call.body["offset"]
        entries = [entry(index) for index in range(start, min(count, start + cut_every))]
        if start + cut_every >= count:
            call.events(*entries, finished(count))
        else:
            call.events(*entries, end=False)

    server.on("POST", LOGS, answer)


def texts(run: Run, **keywords: Any) -> List[str]:
    return [str(log_entry) for log_entry in run.logs(**keywords)]


def test_wait_status(server: FakeSpell, client: SpellClient, run: Run) -> None:
    server.on("POST", WAIT, streams({"connected": True}, {}, {"success": True}))
    run.wait_status(*client.runs.FINAL)
    assert server.bodies(WAIT) == [{"statuses": list(client.runs.FINAL)}]
    assert run.status == "machine_requested"


def test_wait_error(server: FakeSpell, client: SpellClient, run: Run) -> None:
    server.on("POST", WAIT, streams({"success": False, "error": "run 7 has failed"}))
    with pytest.raises(WaitError, match="run 7 has failed"):
        run.wait_status(client.runs.COMPLETE)
    server.on("POST", WAIT, streams({"success": False, "error": {"odd": 1}}))
    with pytest.raises(WaitError, match="Run 7 cannot reach"):
        run.wait_status(client.runs.COMPLETE)


def test_wait_status_without_star(server: FakeSpell, client: SpellClient, run: Run) -> None:
    with pytest.raises(TypeError, match="FINAL"):
        run.wait_status(client.runs.FINAL)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        run.wait_status()


def test_wait_outlasts_everything_but_a_refusal(server: FakeSpell, client: SpellClient, run: Run) -> None:
    server.on(
        "POST",
        WAIT,
        hangs_up,
        says({"error": "starting"}, 503),
        says_raw(b"<html>bad gateway</html>", 502),
        streams({"connected": True}, end=False),
        streams(),
        streams_raw(line({})[:-1] + b"  "),
        streams({"success": True}),
    )
    run.wait_status(client.runs.COMPLETE)
    assert len(server.bodies(WAIT)) == 7
    server.on("POST", WAIT, hangs_up, says({"error": "token revoked"}, 401))
    with pytest.raises(UnauthorizedRequest, match="token revoked"):
        run.wait_status(client.runs.COMPLETE)


def test_stream_without_verdict_is_no_tight_loop(server: FakeSpell, client: SpellClient, run: Run) -> None:
    server.on("POST", WAIT, *[streams({"connected": True})] * 4, streams({"success": True}))
    started = time.monotonic()
    run.wait_status(client.runs.COMPLETE)
    # Four pauses, each at least half of 0.1, 0.2, 0.4, 0.8 s.
    assert time.monotonic() - started > 0.75
    assert len(server.bodies(WAIT)) == 5


def test_wait_while_the_server_restarts(client: SpellClient, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    pauses: List[float] = []
    servers: List[FakeSpell] = []

    def start_at_third_pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            servers.append(FakeSpell(port))
            servers[0].on("POST", WAIT, streams({"success": True}))

    with fake_spell(port) as first:
        first.on("GET", "runs/ada/7", says({"run": run_json(7)}))
        waiting = SpellClient("secret", base_url=first.url, owner="ada")
        run = waiting.runs.get(7)
    monkeypatch.setattr(time, "sleep", start_at_third_pause)
    try:
        run.wait_status("complete")
    finally:
        for server in servers:
            server.stop()
    assert len(pauses) == 3
    waiting.close()


def test_long_outage_is_told_once(
    server: FakeSpell, client: SpellClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def pass_time(_: float) -> None:
        clock[0] += 20

    monkeypatch.setattr(time, "sleep", pass_time)
    server.on("POST", WAIT, *[says({"error": "starting"}, 503)] * 8, streams({"success": True}))
    with pytest.warns(RuntimeWarning, match="starting.*still trying") as warned:
        run.wait_status("complete")
    assert len(warned) == 1


def test_logs(server: FakeSpell, client: SpellClient, run: Run) -> None:
    server.on(
        "POST",
        LOGS,
        streams(
            entry(0, "Run is running", status_event=True, level="info"),
            {},
            {"next_offset": 1},
            entry(1, "hello", **{"@timestamp": "2024-01-31T12:34:56Z"}),
            entry(2, "saved", status="saving"),
            finished(3),
        ),
    )
    entries = list(run.logs())
    assert server.bodies(LOGS) == [{"follow": False, "offset": 0}]
    assert all(isinstance(one, LogEntry) for one in entries)
    assert [str(one) for one in entries if one.status == client.runs.RUNNING and not one.status_event] == ["hello"]
    assert (entries[0].level, entries[1].level, entries[1].timestamp) == ("info", None, "2024-01-31T12:34:56Z")
    assert repr(entries[2]) == "LogEntry(status='saving', log='saved')"


@pytest.mark.parametrize(("follow", "offset", "expected"), [(True, -2, (True, -2)), (None, None, (False, 0))])
def test_log_arguments(server: FakeSpell, run: Run, follow: Any, offset: Any, expected: Any) -> None:
    server.on("POST", LOGS, streams(dict(entry(4), finished=True)))
    assert texts(run, follow=follow, offset=offset) == ["line 4"]
    assert server.bodies(LOGS) == [{"follow": expected[0], "offset": expected[1]}]


def test_log_resumes_where_it_broke(server: FakeSpell, run: Run) -> None:
    log_of(server, count=23, cut_every=5)
    assert texts(run, follow=True) == [f"line {index}" for index in range(23)]
    assert [body["offset"] for body in server.bodies(LOGS)] == [0, 5, 10, 15, 20]


def test_log_cut_in_the_middle_of_a_line(server: FakeSpell, run: Run) -> None:
    cut = line(entry(1))
    server.on(
        "POST",
        LOGS,
        streams_raw(line(entry(0)) + cut[: len(cut) // 2], end=False),
        streams_raw(cut[:3], cut[3:], end=False),
        streams(entry(2), finished(3)),
    )
    assert texts(run) == ["line 0", "line 1", "line 2"]
    assert [body["offset"] for body in server.bodies(LOGS)] == [0, 1, 2]


def test_log_from_the_end_resumes_by_number(server: FakeSpell, run: Run) -> None:
    server.on(
        "POST",
        LOGS,
        hangs_up,
        streams(entry(8), end=False),
        streams(entry(9), finished(10)),
    )
    assert texts(run, offset=-2) == ["line 8", "line 9"]
    assert [body["offset"] for body in server.bodies(LOGS)] == [-2, -2, 9]


def test_entries_sent_again_are_not_told_again(server: FakeSpell, run: Run) -> None:
    server.on(
        "POST",
        LOGS,
        streams(entry(0), entry(1), end=False),
        streams({"next_offset": 1}, entry(0), entry(1), entry(2), finished(3)),
    )
    assert texts(run) == ["line 0", "line 1", "line 2"]


def test_entries_without_offset_are_counted(server: FakeSpell, run: Run) -> None:
    server.on(
        "POST",
        LOGS,
        streams({"log_entry": {"log": "a"}}, {"log_entry": {"log": "b"}}, end=False),
        streams({"log_entry": {"log": "c"}}, {"finished": True}),
    )
    assert texts(run) == ["a", "b", "c"]
    assert [body["offset"] for body in server.bodies(LOGS)] == [0, 2]


@pytest.mark.parametrize("offset", [None, "3", -1, 1.5, True])
def test_offset_that_is_none(server: FakeSpell, run: Run, offset: Any) -> None:
    server.on("POST", LOGS, streams(dict(entry(0), next_offset=offset)))
    with pytest.raises(ClientException, match="offset"):
        texts(run)


@pytest.mark.parametrize(
    "bad", [b"nonsense\n", b"[1]\n", b'"x"\n', b"\xff\n", b'{"log_entry": 5}\n', b"[" * 99999 + b"\n"]
)
def test_malformed_line(server: FakeSpell, run: Run, bad: bytes) -> None:
    server.on("POST", LOGS, streams_raw(line(entry(0)), bad))
    seen = []
    with pytest.raises(JsonDecodeError):
        for log_entry in run.logs():
            seen.append(str(log_entry))
    assert seen == ["line 0"]


def test_only_newline_ends_a_line(server: FakeSpell, run: Run) -> None:
    odd = "a\u2028b\u2029c\u0085d\x0be\x1cf\u00e9\U0001f389"
    raw = json.dumps(entry(0, odd), ensure_ascii=False).encode()
    middle = raw.index("\u00e9".encode()) + 1  # between the two bytes of é
    server.on("POST", LOGS, streams_raw(raw[:middle], raw[middle:] + b"\r\n\n \n", line(entry(1)) + line(finished(2))))
    assert texts(run) == [odd, "line 1"]


def test_text_can_always_be_printed(server: FakeSpell, run: Run) -> None:
    server.on(
        "POST", LOGS, streams(entry(0, "x\ud800y\udfffz"), entry(1, "\U0001f389\x00"), entry(2, None), finished(3))
    )
    first, second, _ = texts(run)
    assert first == "x\ufffdy\ufffdz"
    assert second == "\U0001f389\x00"
    assert first.encode("utf-8")


def test_huge_line(server: FakeSpell, run: Run) -> None:
    huge = "x" * 10_000_000
    server.on("POST", LOGS, streams(entry(0, huge), entry(1), finished(2)))
    assert texts(run) == [huge, "line 1"]


def test_line_without_end(server: FakeSpell, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spell.api.exchange, "MAX_LINE_BYTES", 100_000)
    server.on("POST", LOGS, streams_raw(*[b"x" * 30_000] * 4))
    with pytest.raises(ClientException, match="more than 100000 bytes"):
        texts(run)


def test_last_line_without_newline_counts(server: FakeSpell, run: Run) -> None:
    server.on("POST", LOGS, streams_raw(line(entry(0)), line(finished(1))[:-1]))
    assert texts(run) == ["line 0"]
    assert len(server.bodies(LOGS)) == 1


def test_refused_log(server: FakeSpell, run: Run) -> None:
    with pytest.raises(ClientException, match="no such thing"):
        texts(run)


def test_leaving_a_log_early_harms_nothing(server: FakeSpell, client: SpellClient, run: Run) -> None:
    server.on("POST", LOGS, streams(*[entry(index) for index in range(1000)], finished(1000)))
    server.on("GET", "runs/ada/7", says({"run": run_json(7, "running")}))
    log = run.logs(follow=True)
    assert str(next(log)) == "line 0"
    run.refresh()
    assert str(next(log)) == "line 1"
    log.close()  # type: ignore[attr-defined]
    run.refresh()
    assert run.status == "running"


def test_a_stream_that_never_ends_after_its_verdict(server: FakeSpell, client: SpellClient, run: Run) -> None:
    def verdict_then_silence(call: Call) -> None:
        call.send_response(200)
        call.send_header("Transfer-Encoding", "chunked")
        call.end_headers()
        verdict = line({"success": True})
        call.wfile.write(b"%x\r\n%s\r\n" % (len(verdict), verdict))
        call.rfile.read(1)  # until the client hangs up

    server.on("POST", WAIT, verdict_then_silence)
    server.on("GET", "runs/ada/7", says({"run": run_json(7, "complete")}))
    run.wait_status("complete")
    run.refresh()
    assert run.status == "complete"


def test_one_connection_is_enough(server: FakeSpell, client: SpellClient, run: Run) -> None:
    server.on("POST", WAIT, streams({"success": True}))
    server.on("POST", LOGS, streams(entry(0), finished(1)))
    server.on("GET", "runs/ada/7", says({"run": run_json(7, "complete")}))
    run.wait_status("complete")
    run.refresh()
    assert texts(run) == ["line 0"]
    assert len(server.connections) == 1
