"""Calls about runs: create, find, end, label, wait, log, metrics, load."""

import contextlib
from datetime import datetime
from typing import Callable, Iterator, List, Optional, Sequence, Tuple, Union

from spell.api.base_client import BaseClient
from spell.api.exceptions import WaitError
from spell.api.log_position import LogPosition
from spell.api.metric_position import Metric, MetricPosition
from spell.api.models.requests import RunRequest
from spell.api.models.runs import CPUStats, GPUStats, LogEntry, Run
from spell.api.session import JsonObject
from spell.api.streams import EventStream


class RunsClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def run(self, run_req: RunRequest) -> Run:
        """Create a run. A create that has to be repeated, after a lost connection, returns the same run."""
        answer = self._session.create("runs", self.owner, body=run_req.to_payload())
        run = Run.from_json(self._member(answer, "run"))
        run.already_existed = answer.get("already_existed") is True
        return run

    def get_run(self, run_id: int) -> Run:
        """One run."""
        return Run.from_json(self._member(self._session.get("runs", self.owner, run_id), "run"))

    def list_runs(
        self,
        workspace_ids: Optional[Sequence[int]] = None,
        number: Optional[int] = None,
        project: Optional[int] = None,
        show_uncategorized: bool = False,
        include_jupyter: bool = False,
        labels: Optional[Sequence[str]] = None,
    ) -> List[Run]:
        """Runs, newest first. ``project``: its id. ``number``: how many at most (None: as many as the server gives)."""
        query = [
            ("workspace_id", workspace_ids),
            ("include_jupyter", bool(include_jupyter)),
            ("labels", labels),
            ("project_id", project),
            ("show_uncategorized", bool(show_uncategorized)),
            ("page_size", number),
            ("sort_column", "user_run_id"),
            ("sort_ascending", False),
        ]
        return self._list(self._session.get("runs", self.owner, query=query), "runs", Run.from_json)

    def stop_run(self, run_id: int) -> None:
        """End the run's command; its outputs are saved."""
        self._session.send("POST", "runs", self.owner, run_id, "stop")

    def kill_run(self, run_id: int) -> None:
        """End the run at once; nothing is saved."""
        self._session.send("POST", "runs", self.owner, run_id, "kill")

    def archive_run(self, run_id: int) -> None:
        """Hide an ended run from lists; it can no longer be mounted."""
        self._session.send("DELETE", "runs", self.owner, run_id)

    def stop_runs(self, run_ids: Sequence[int]) -> JsonObject:
        """Stop several; the answer says under ``…_run_ids`` which were stopped and which not, and why not."""
        return self._session.ask("POST", "runs", self.owner, "stop_batch", body={"run_ids": list(run_ids)})

    def kill_runs(self, run_ids: Sequence[int]) -> JsonObject:
        """Kill several; answers as :meth:`stop_runs` does."""
        return self._session.ask("POST", "runs", self.owner, "kill_batch", body={"run_ids": list(run_ids)})

    def archive_runs(self, run_ids: Sequence[int]) -> JsonObject:
        """Archive several; answers as :meth:`stop_runs` does."""
        return self._session.ask("POST", "runs", self.owner, "archive_batch", body={"run_ids": list(run_ids)})

    def add_label_for_run(self, run_id: int, label_name: str) -> None:
        """Put a label on a run."""
        self._session.send("PUT", "runs", self.owner, run_id, "add_label", body={"name": label_name})

    def rm_label_for_run(self, run_id: int, label_name: str) -> None:
        """Take a label off a run."""
        self._session.send("PUT", "runs", self.owner, run_id, "remove_label", body={"name": label_name})

    def wait_status(self, run_id: int, *statuses: str) -> None:
        """Block until the run reaches one of the statuses; :class:`WaitError` once it no longer can."""
        self._wait(run_id, "wait_status", {"statuses": list(statuses)}, f"cannot reach {', '.join(map(str, statuses))}")

    def wait_metric(self, run_id: int, metric_name: str, condition: str, value: Union[int, float]) -> None:
        """Block until a value of the metric meets the condition; :class:`WaitError` once none can any more."""
        body = {"metric_name": metric_name, "condition": condition, "value": value}
        self._wait(run_id, "wait_metric", body, f"ended before {metric_name} was {condition} {value}")

    def get_run_log_entries(self, run_id: int, follow: bool = False, offset: int = 0) -> Iterator[LogEntry]:
        """Yield the run's log from an offset on (negative: from the end); with ``follow`` until the run has ended."""
        position = LogPosition(offset)
        stream = self._stream(run_id, "logs", lambda: {"follow": follow, "offset": position.offset})
        with contextlib.closing(iter(stream)) as events:
            for event in events:
                entry = position.accept(event)
                if event.get("finished") is True:
                    stream.finish()
                if entry is not None:
                    stream.progress()
                    yield entry

    def get_run_metrics(
        self, run_id: int, metric_name: str, follow: bool = False, offset: Optional[datetime] = None
    ) -> Iterator[Metric]:
        """Yield a metric's values later than ``offset`` as (time, index, value); with ``follow`` until the run ends."""
        position = MetricPosition(run_id, metric_name, offset)
        stream = self._stream(run_id, "user-metrics", lambda: position.request(follow))
        with contextlib.closing(iter(stream)) as events:
            for event in events:
                metrics = position.accept(event)
                # Only a server that says so keeps the stream open after the first values.
                if event.get("finished") is True or (metrics is not None and "stream" not in stream.headers):
                    stream.finish()
                if metrics:
                    stream.progress()
                    yield from metrics

    def get_stats(
        self, run_id: int, follow: bool = False
    ) -> Iterator[Tuple[Optional[CPUStats], Optional[List[GPUStats]]]]:
        """Yield what the run uses of its machine, once or, with ``follow``, until it ends."""
        stream = self._stream(run_id, "stats", lambda: {"follow": follow})
        with contextlib.closing(iter(stream)) as events:
            for event in events:
                if event.get("finished") is True:
                    stream.finish()
                cpu, gpus = event.get("cpu_stats"), event.get("gpu_stats")
                if cpu is not None or gpus is not None:
                    stream.progress()
                    yield (
                        None if cpu is None else CPUStats.from_json(cpu),
                        [GPUStats.from_json(gpu) for gpu in gpus] if isinstance(gpus, list) else None,
                    )

    def _wait(self, run_id: int, what: str, body: JsonObject, why_not: str) -> None:
        stream = self._stream(run_id, what, lambda: body)
        with contextlib.closing(iter(stream)) as events:
            for event in events:
                if event.get("success") is True:
                    stream.finish()
                elif event.get("success") is False:
                    text = event.get("error")
                    raise WaitError(text if isinstance(text, str) and text else f"Run {run_id} {why_not}")

    def _stream(self, run_id: int, what: str, request: Callable[[], JsonObject]) -> EventStream:
        return EventStream(self._session, ("runs", self.owner, run_id, what), request)
