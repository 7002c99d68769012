"""Models: names and versions for files of runs and uploads."""

import os
from typing import TYPE_CHECKING, List, Optional, Sequence, Union

from spell.api import models
from spell.api.client import APIClient
from spell.client.resources import say_extracting
from spell.client.run_request import PathLike
from spell.client.wrapper import RecordWrapper

if TYPE_CHECKING:
    from spell.client import SpellClient


class ModelVersion(RecordWrapper):
    """One version of a model. The record is ``.model_version``, its fields are attributes here too."""

    _record_name = "model_version"
    model_version: models.ModelVersion

    def __init__(self, api: APIClient, model_version: models.ModelVersion) -> None:
        super().__init__(api, model_version)

    def download(self, dest: Optional[PathLike] = None, quiet: bool = False) -> None:
        """Copy the version's files into the folder ``dest`` (default: this one); prints names unless quiet."""
        resource = (self.model_version.resource or "").rstrip("/")
        folder = os.fspath(dest or ".")
        report = None if quiet else say_extracting
        whole = [models.ModelFileSpec(".", None)]
        for file in self.model_version.files or whole:
            path = resource if file.resource_path in (".", "") else f"{resource}/{file.resource_path}"
            self._api.copy(path, folder, report)


class Model(RecordWrapper):
    """A model. The record is ``.spell_model``; ``model_versions``: its :class:`ModelVersion` objects."""

    _record_name = "spell_model"
    spell_model: models.SpellModel
    model_versions: List[ModelVersion]

    def __init__(self, api: APIClient, model: models.SpellModel) -> None:
        super().__init__(api, model)
        self.model_versions = [ModelVersion(api, version) for version in model.model_versions]


class ModelsService:
    """Makes, finds and removes models. Methods may raise :class:`~spell.api.exceptions.ClientException`."""

    def __init__(self, client: "SpellClient") -> None:
        self._client = client

    def new(
        self,
        name: str,
        resource: str,
        version: Optional[str] = None,
        files: Sequence[str] = (),
        description: Optional[str] = None,
    ) -> Model:
        """Make a version of a model out of ``resource``, such as ``runs/7/save``, and the model if it is new.

        ``version``: its name; without one it becomes ``v1``, ``v2`` and so on. ``files``: which files of the resource,
        each ``PATH`` or ``PATH:PATH_IN_THE_MODEL``; none means all.
        """
        api = self._client.api
        specs = [models.ModelFileSpec.from_string(file) for file in files or ()]
        api.new_model(api.owner, name, resource, version, specs, description)
        return Model(api, api.get_model(api.owner, name))

    def get(self, name: str, version: Optional[str] = None) -> Union[Model, ModelVersion]:
        """A model, or one version of it."""
        api = self._client.api
        if version is None:
            return Model(api, api.get_model(api.owner, name))
        return ModelVersion(api, api.get_model_version(api.owner, name, version))

    def list(self) -> List[models.SpellModel]:
        """All models as plain records."""
        return self._client.api.list_models(self._client.api.owner)

    def rm(self, name: str, version: Optional[str] = None) -> None:
        """Remove a model with all its versions, or one version. The files themselves stay."""
        api = self._client.api
        if version is None:
            api.rm_model(api.owner, name)
        else:
            api.rm_model_version(api.owner, name, version)
