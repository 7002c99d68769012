"""Calls about hyper-parameter searches."""

from typing import Any, Dict, List, Mapping, Union

from spell.api.base_client import BaseClient
from spell.api.exceptions import ClientException
from spell.api.models.hyper import HyperSearch, HyperSearchInfo, RangeSpec, ValueSpec
from spell.api.models.requests import RunRequest
from spell.api.session import JsonObject


class HyperClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def hyper_grid_search(self, params: Mapping[str, ValueSpec], run_req: RunRequest) -> HyperSearch:
        """Create a search of every combination of the values."""
        grid = {name: _payload(name, spec, ValueSpec) for name, spec in params.items()}
        return self._new({"grid_params": grid, "run": run_req.to_payload()})

    def hyper_random_search(
        self, params: Mapping[str, Union[ValueSpec, RangeSpec]], num_runs: int, run_req: RunRequest
    ) -> HyperSearch:
        """Create a search of ``num_runs`` combinations drawn at random."""
        drawn = {
            name: {"value_spec" if isinstance(spec, ValueSpec) else "range_spec": _payload(name, spec)}
            for name, spec in params.items()
        }
        return self._new({"random_params": drawn, "num_runs": num_runs, "run": run_req.to_payload()})

    def hyper_bayesian_search(
        self,
        params: Mapping[str, RangeSpec],
        num_runs: int,
        parallel_runs: int,
        metric: str,
        metric_agg: str,
        run_req: RunRequest,
    ) -> HyperSearch:
        """Create a search of ``num_runs`` combinations, ``parallel_runs`` at a time, each learning from the former."""
        body = {
            "bayesian_params": {name: _payload(name, spec, RangeSpec) for name, spec in params.items()},
            "num_runs": num_runs,
            "parallel_runs": parallel_runs,
            "metric": metric,
            "metric_aggregation": metric_agg,
            "run": run_req.to_payload(),
        }
        return self._new(body)

    def list_hyper_searches(self) -> List[HyperSearchInfo]:
        """The searches, without their runs."""
        answer = self._session.get("runs", self.owner, "hyper_search")
        return self._list(answer, "hyper_searches", HyperSearchInfo.from_json)

    def get_hyper_search(self, hyper_search_id: int) -> HyperSearch:
        """One search with its runs."""
        answer = self._session.get("runs", self.owner, "hyper_search", hyper_search_id)
        return HyperSearch.from_json(self._member(answer, "hyper_search"))

    def stop_hyper_search(self, hyper_search_id: int) -> None:
        """Stop its runs; what they wrote is saved."""
        self._session.send("POST", "runs", self.owner, "hyper_search", hyper_search_id, "stop")

    def kill_hyper_search(self, hyper_search_id: int) -> None:
        """Kill its runs."""
        self._session.send("POST", "runs", self.owner, "hyper_search", hyper_search_id, "kill")

    def archive_hyper_search(self, hyper_search_id: int) -> None:
        """Hide it from lists."""
        self._session.send("DELETE", "runs", self.owner, "hyper_search", hyper_search_id)

    def list_hyper_metric_names(self, hyper_search_id: int) -> List[Dict[str, Any]]:
        """Names of the metrics that its runs have sent, as ``{"name": …}`` each."""
        answer = self._session.get("runs", self.owner, "hyper_search", hyper_search_id, "metric-names")
        return self._list(answer, "metric_names", lambda item: dict(item) if isinstance(item, dict) else {"name": item})

    def get_hyper_metric(self, hyper_search_id: int, metric_name: str) -> Dict[str, Any]:
        """A metric's values: run id (a text) → ``{"data": [[time, index, value], …]}``."""
        answer = self._session.get("runs", self.owner, "hyper_search", hyper_search_id, "metrics", metric_name)
        metrics = self._member(answer, "metrics")
        return metrics if isinstance(metrics, dict) else {}

    def _new(self, body: JsonObject) -> HyperSearch:
        answer = self._session.create("runs", self.owner, "hyper_search", body=body)
        return HyperSearch.from_json(self._member(answer, "hyper_search"))


def _payload(name: str, spec: object, *kinds: type) -> JsonObject:
    wanted = kinds or (ValueSpec, RangeSpec)
    if isinstance(spec, (ValueSpec, RangeSpec)) and isinstance(spec, wanted):
        return spec.to_payload()
    names = " or a ".join(kind.__name__ for kind in wanted)
    raise ClientException(f"The parameter {name!r} must be a {names} here, not {spec!r}")
