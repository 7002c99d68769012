"""A small real HTTP server that says what a test tells it to say."""

import contextlib
import io
import json
import socket
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple


class Call(BaseHTTPRequestHandler):
    """One connection; ``body`` is the JSON of the request being answered."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "FakeSpell"
    body: Any

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def answer_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        is_json = self.headers.get("Content-Type") == "application/json"
        self.body = json.loads(raw) if raw and is_json else raw or None
        self.server.calls.append(Seen(self.command, self.path, dict(self.headers.items()), self.body))
        answers = self.server.answers.get((self.command, self.path.partition("?")[0]))
        if not answers:
            self.json({"error": f"no such thing: {self.command} {self.path}"}, 404)
            return
        # The last answer stays, the ones before it are given once each.
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            answer(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer_any

    def json(self, value: Any, status: int = 200) -> None:
        self.raw(json.dumps(value).encode(), status)

    def raw(self, content: bytes, status: int = 200, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def nothing(self, status: int = 204, **headers: str) -> None:
        """Headers alone."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def chunks(self, *contents: bytes, end: bool = True, **headers: str) -> None:
        """A chunked answer; without ``end`` the connection is cut after the last chunk."""
        self.send_response(200)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for content in contents:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        if end:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.hang_up()

    def events(self, *events: Any, end: bool = True, **headers: str) -> None:
        """A stream of JSON lines, one chunk each."""
        self.chunks(*(json.dumps(event).encode() + b"\n" for event in events), end=end, **headers)

    def hang_up(self) -> None:
        """Cut the connection without another word."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Seen:
    """A request as the server saw it."""

    def __init__(self, method: str, path: str, headers: Dict[str, str], body: Any) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


Answer = Callable[[Call], None]


class FakeSpell(ThreadingHTTPServer):
    """Listens on a free port of this machine, or the given one; ``calls`` is what was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int = 0, answers: Optional[Dict[Tuple[str, str], List[Answer]]] = None) -> None:
        super().__init__(("127.0.0.1", port), Call)
        self.calls: List[Seen] = []
        self.answers: Dict[Tuple[str, str], List[Answer]] = answers or {}
        self.connections: List[socket.socket] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answer a path below /v1, one answer after the other; the last one for ever."""
        self.answers[(method, "/v1/" + path)] = list(answers)

    def bodies(self, path: str) -> List[Any]:
        """Bodies of the requests for a path below /v1."""
        return [call.body for call in self.calls if call.path.partition("?")[0] == "/v1/" + path]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here; anything else is told as usual."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def says(value: Any, status: int = 200) -> Answer:
    return lambda call: call.json(value, status)


def says_raw(content: bytes, status: int = 200) -> Answer:
    return lambda call: call.raw(content, status)


def streams(*events: Any, end: bool = True, **headers: str) -> Answer:
    return lambda call: call.events(*events, end=end, **headers)


def says_tar(content: bytes) -> Answer:
    return lambda call: call.raw(content, kind="application/x-tar")


def tar_of(*entries: Any) -> bytes:
    """A tar of entries: (name, contents), (name, None) for a folder, or a TarInfo."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
                continue
            name, contents = entry
            member = tarfile.TarInfo(name)
            if contents is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            else:
                member.size = len(contents)
            tar.addfile(member, None if contents is None else io.BytesIO(contents))
    return archive.getvalue()


def streams_raw(*contents: bytes, end: bool = True) -> Answer:
    return lambda call: call.chunks(*contents, end=end)


def hangs_up(call: Call) -> None:
    call.hang_up()


def run_json(run_id: int = 7, status: str = "machine_requested", **more: Any) -> Dict[str, Any]:
    """A run as the server sends it."""
    return {
        "id": run_id,
        "status": status,
        "command": "echo hi",
        "gpu": "CPU",
        "git_commit_hash": "",
        "created_at": "2024-01-31T12:34:56.123456Z",
        "creator": {"user_name": "ada", "email": "ada@example.org", "created_at": "2024-01-01T00:00:00Z"},
        **more,
    }


def entry(index: int, text: Optional[str] = None, **more: Any) -> Dict[str, Any]:
    """The event of a log entry."""
    log = {"log": f"line {index}" if text is None else text, "status": "running", "status_event": False}
    return {"log_entry": dict(log, **more), "next_offset": index + 1}


def finished(offset: int) -> Dict[str, Any]:
    return {"finished": True, "next_offset": offset}


@contextlib.contextmanager
def fake_spell(port: int = 0) -> Iterator[FakeSpell]:
    server = FakeSpell(port)
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
