"""Calls about models."""

from typing import List, Optional, Sequence

from spell.api.base_client import BaseClient
from spell.api.models.resources import ModelFileSpec, ModelVersion, SpellModel


class ModelClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def new_model(
        self,
        owner: str,
        name: str,
        resource: str,
        version: Optional[str] = None,
        files: Sequence[ModelFileSpec] = (),
        description: Optional[str] = None,
    ) -> ModelVersion:
        """Make a version of a model, and the model if it is its first; without ``version`` the server numbers it."""
        body = {
            "name": name,
            "version": version,
            "resource": resource,
            "files": [file.to_payload() for file in files],
            "description": description,
        }
        return ModelVersion.from_json(
            self._member(self._session.ask("POST", "model", owner, body=body), "model_version")
        )

    def list_models(self, owner: str) -> List[SpellModel]:
        """All models."""
        return self._list(self._session.get("model", owner), "models", SpellModel.from_json)

    def get_model(self, owner: str, model: str) -> SpellModel:
        """One model with its versions."""
        return SpellModel.from_json(self._member(self._session.get("model", owner, model), "model"))

    def get_model_version(self, owner: str, model: str, version: str) -> ModelVersion:
        """One version of a model."""
        answer = self._session.get("model", owner, model, "version", version)
        return ModelVersion.from_json(self._member(answer, "model_version"))

    def rm_model(self, owner: str, model: str) -> None:
        """Remove a model with all its versions; the files stay where they are."""
        self._session.send("DELETE", "model", owner, model)

    def rm_model_version(self, owner: str, model: str, version: str) -> None:
        """Remove one version of a model; its files stay where they are."""
        self._session.send("DELETE", "model", owner, model, "version", version)

    def update_model_description(self, owner: str, model_name: str, model_version: str, description: str) -> None:
        """Give a version of a model another description."""
        body = {"description": description}
        self._session.send("PUT", "model", owner, model_name, "version", model_version, body=body)
