"""How tap and target find their settings: the part of a Singer plugin that both share."""

from __future__ import annotations

import functools
import importlib.util
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import (
    ConfigValidationError,
    MapExpressionError,
    StreamMapConfigError,
)
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import PluginBase
from typing_extensions import override

from clearbooks import DISTRIBUTION
from clearbooks.configuration import Settings, unknown_settings, value_of_variable
from clearbooks.distribution import install
from clearbooks.errors import SettingError
from clearbooks.program import check_config_files
from clearbooks.settings import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import click

S = TypeVar("S", bound=Settings)


def config_schema(own: type[Settings]) -> dict[str, Any]:
    """The `config_jsonschema` of a plugin: the settings that all share, and its own."""
    return {"type": "object", "properties": {**Connection.properties(), **own.properties()}}


@contextmanager
def stream_map_faults() -> Iterator[None]:
    """Let what the SDK finds wrong in stream maps, and in settings of its own, be a `SettingError`.

    Raises:
        SettingError: in the SDK's words.
    """
    try:
        yield
    except ConfigValidationError as error:
        raise SettingError("; ".join(error.errors) or str(error)) from None
    except (StreamMapConfigError, MapExpressionError) as error:
        raise SettingError(f"stream_maps: {error}") from None


def check_extras(config: Mapping[str, Any]) -> None:
    """Check that what settings of the SDK ask for is installed.

    Raises:
        SettingError: an extra is missing; the text has the command that installs it.
    """
    batch: Any = config.get("batch_config")
    encoding, storage = (
        part if isinstance(batch, dict) and isinstance(part := batch.get(name), dict) else {}
        for name in ("encoding", "storage")
    )
    parquet = encoding.get("format") == "parquet"
    s3 = str(storage.get("root")).startswith("s3://")
    for wanted, setting, module, extra in (
        (config.get("faker_config"), "faker_config", "faker", "faker"),
        (parquet, "batch_config.encoding.format: parquet", "pyarrow", "parquet"),
        (s3, "batch_config.storage.root: s3://", "s3fs", "s3"),
    ):
        if wanted and importlib.util.find_spec(module) is None:
            raise SettingError(f"{setting} needs {module}: {install(extra)}")


class CheckedPlugin(PluginBase):
    """A plugin whose wrong settings and files are a `SettingError`, and no traceback."""

    package_name = DISTRIBUTION

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        if raise_errors:
            check_extras(self._config)
        with stream_map_faults():
            return super()._validate_config(raise_errors=raise_errors)

    @override
    def setup_mapper(self) -> None:
        with stream_map_faults():
            super().setup_mapper()

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        check_config_files(value)
        return super().cb_config(ctx, param, value)


class ConfiguredPlugin(CheckedPlugin, Generic[S]):
    """A plugin whose settings are declared by `Connection` and a class of its own.

    Attributes:
        settings_class: Declares the settings that only this plugin has.
    """

    settings_class: type[S]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _enable_loggers()
        super().__init__(*args, **kwargs)

    @functools.cached_property
    def connection(self) -> Connection:
        """The checked settings that every program shares."""
        return Connection.from_config(self.config, program=self.name)

    @functools.cached_property
    def settings(self) -> S:
        """The checked settings that only this plugin has."""
        return self.settings_class.from_config(self.config)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings: ours by their declaration, those of the SDK by its JSON Schema.

        Raises:
            SettingError: the first value that cannot work.
        """
        self.append_builtin_config(self.config_jsonschema)
        known = self.config_jsonschema["properties"]
        for line in unknown_settings(self._config, known):
            self.logger.warning("%s", line)
        # Null and empty text stand for "unset", which the JSON Schema need not know.
        self._config = {k: v for k, v in self._config.items() if v not in (None, "")}
        if raise_errors:
            _ = self.connection, self.settings
        return super()._validate_config(raise_errors=raise_errors)

    @classproperty
    @override
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 - a property of the class
        """The values of the environment; what cannot be understood is left for the check."""
        cls.append_builtin_config(cls.config_jsonschema)
        known = cls.config_jsonschema["properties"]
        # As text, since the SDK ends in a traceback over a number that is none.
        as_text = {"properties": {name: {"type": "string"} for name in known}}
        texts = parse_environment_config(as_text, cls._env_var_prefix)
        return {name: value_of_variable(known[name], text) for name, text in texts.items()}


def _enable_loggers() -> None:
    """Let our modules log under a `SINGER_SDK_LOG_CONFIG`.

    Unless such a file says otherwise, it switches off every logger that was there before it.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        ours = name.startswith(
            ("clearbooks", "tap_clearbooks", "tap-", "target_clearbooks", "target-")
        )
        if ours and isinstance(logger, logging.Logger):
            logger.disabled = False
