"""Hyper-parameter searches: one run per combination of parameters; ``:NAME:`` in its command becomes the value."""

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Tuple, Union

from spell.api import models
from spell.api.client import APIClient
from spell.api.metric_position import Metric, read_metric
from spell.client.run_request import run_request
from spell.client.runs import Run
from spell.client.wrapper import RecordWrapper

if TYPE_CHECKING:
    from spell.client import SpellClient

Params = Mapping[str, Union[models.ValueSpec, models.RangeSpec]]


class HyperSearch(RecordWrapper):
    """A search as last seen; :meth:`refresh` looks again. The record is ``.hyper``, its fields are attributes here too.

    ``runs``: the :class:`~spell.client.runs.Run` objects, each with its values in ``hyper_params``.
    """

    _record_name = "hyper"
    hyper: models.HyperSearch
    runs: List[Run]

    def __init__(self, api: APIClient, hyper: models.HyperSearch) -> None:
        super().__init__(api, hyper)
        self._took(hyper)

    def refresh(self) -> None:
        """Ask the server for the search and its runs again."""
        self._took(self._api.get_hyper_search(self.hyper.id))

    def stop(self) -> None:
        """Stop the search's runs; what they wrote is saved."""
        self._api.stop_hyper_search(self.hyper.id)

    def kill(self) -> None:
        """Kill the search's runs."""
        self._api.kill_hyper_search(self.hyper.id)

    def metric_names(self) -> List[str]:
        """Names of the metrics that the runs have sent so far."""
        return [str(item["name"]) for item in self._api.list_hyper_metric_names(self.hyper.id)]

    def metrics(self, metric_name: str) -> Dict[int, Iterator[Metric]]:
        """The values of a metric so far: run id → iterator of (time in UTC, index, value)."""
        by_run = self._api.get_hyper_metric(self.hyper.id, metric_name)
        return {int(run_id): iter([read_metric(item) for item in _data(series)]) for run_id, series in by_run.items()}

    def _took(self, hyper: models.HyperSearch) -> None:
        self.hyper = hyper
        self.runs = [Run(self._api, run) for run in hyper.runs]


class HyperService:
    """Creates and finds searches. The constants are for :class:`~spell.api.models.RangeSpec`.

    Each ``new_…`` takes, beside its own arguments, the keywords of :meth:`spell.client.runs.RunsService.new`, above all
    ``command``, and may raise :class:`~spell.api.exceptions.ClientException`.
    """

    LINEAR = models.LINEAR
    LOG = models.LOG
    REVERSE_LOG = models.REVERSE_LOG
    FLOAT = models.FLOAT
    INT = models.INT

    def __init__(self, client: "SpellClient") -> None:
        self._client = client

    def new_grid_search(self, params: Mapping[str, models.ValueSpec], **kwargs: Any) -> HyperSearch:
        """Run every combination of the values: ``{"lr": ValueSpec([0.1, 0.01]), "layers": ValueSpec([2, 3])}``."""
        request = run_request(self._client, kwargs)
        return self._of(self._client.api.hyper_grid_search(params, request))

    def new_random_search(self, params: Params, num_runs: int, **kwargs: Any) -> HyperSearch:
        """Run ``num_runs`` combinations, drawn from ValueSpecs and RangeSpecs."""
        request = run_request(self._client, kwargs)
        return self._of(self._client.api.hyper_random_search(params, num_runs, request))

    def new_bayesian_search(
        self,
        params: Mapping[str, models.RangeSpec],
        num_runs: int,
        parallel_runs: int,
        metric: str,
        metric_agg: str,
        **kwargs: Any,
    ) -> HyperSearch:
        """Run ``num_runs`` combinations, ``parallel_runs`` at a time, each chosen by what the former ones reached.

        A run reaches the value of ``metric``, aggregated as ``metric_agg`` says: ``avg``, ``min``, ``max`` or ``last``;
        larger is better. ``params``: RangeSpecs only.
        """
        request = run_request(self._client, kwargs)
        created = self._client.api.hyper_bayesian_search(params, num_runs, parallel_runs, metric, metric_agg, request)
        return self._of(created)

    def get(self, search_id: int) -> HyperSearch:
        """The search of that number."""
        return self._of(self._client.api.get_hyper_search(search_id))

    def list(self) -> List[models.HyperSearchInfo]:
        """All searches as plain records, without their runs."""
        return self._client.api.list_hyper_searches()

    def archive(self, search_id: int) -> None:
        """Hide a search from lists."""
        self._client.api.archive_hyper_search(search_id)

    def _of(self, record: models.HyperSearch) -> HyperSearch:
        return HyperSearch(self._client.api, record)


def _data(series: object) -> Tuple[object, ...]:
    data = series.get("data") if isinstance(series, dict) else None
    return tuple(data) if isinstance(data, list) else ()
