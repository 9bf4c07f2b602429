"""Saves settings into a file: JSON for `--config`, or lines of a `.env`."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks.settings import connection_properties

if TYPE_CHECKING:
    from clearbooks_app.config import Settings

TAP, TARGET = "TAP_CLEARBOOKS_", "TARGET_CLEARBOOKS_"
# Characters that a value in a `.env` may hold without quotes.
_UNQUOTED = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,[]=?&~"
)


def values_to_save(settings: Settings) -> dict[str, Any]:
    """The settings of the connection to save: those that were given and are not the default.

    The refresh token is left out: it was used up, and the store holds what came of it. A path is
    made absolute, since programs run in other directories.
    """
    values = {
        name: settings.values[name]
        for name, schema in connection_properties().items()
        if name != "refresh_token"
        and settings.values.get(name) not in (None, "", [], {}, schema.get("default"))
    }
    place = values.get("token_store")
    if place and "://" not in place:
        values["token_store"] = str(Path(place).expanduser().absolute())
    return values


def env_lines(values: dict[str, Any], prefix: str) -> list[str]:
    """The settings as lines of a `.env` that Meltano, shells and the plugins read alike."""
    return [f"{prefix}{name.upper()}={_quoted(value)}" for name, value in values.items()]


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    if set(text) <= _UNQUOTED:
        return text
    if "'" not in text and "\n" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def check_save_path(path: Path) -> None:
    """Check that the file can be written, before a person is sent to the consent page.

    Raises:
        SettingError: it cannot, or holds something else than settings.
    """
    if not path.absolute().parent.is_dir():
        raise SettingError(f"--save {path}: there is no directory {path.parent}")
    _current_text(path)


def _current_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise SettingError(f"--save {path}: cannot be read ({type(error).__name__})") from None
    if not is_env(path) and text.strip():
        try:
            whole = isinstance(json.loads(text), dict)
        except ValueError:
            whole = False
        if not whole:
            raise SettingError(
                f"--save {path}: the file is no JSON object of settings and was left as it is"
            )
    return text


def is_env(path: Path) -> bool:
    """Whether the file is a `.env` and not a JSON file of settings."""
    return path.name.startswith(".env") or path.suffix == ".env"


def save_settings(path: Path, settings: Settings, prefixes: tuple[str, ...]) -> None:
    """Write the settings into the file, mode 0600; what else it holds stays.

    Raises:
        SettingError: it cannot be written.
    """
    values, text = values_to_save(settings), _current_text(path)
    if is_env(path):
        lines = text.splitlines()
        for line in (line for prefix in prefixes for line in env_lines(values, prefix)):
            name = line.partition("=")[0]
            lines = [old for old in lines if old.partition("=")[0].strip() != name]
            lines.append(line)
        new = "\n".join(lines) + "\n"
    else:
        old = json.loads(text) if text.strip() else {}
        new = json.dumps({**old, **values}, indent=2) + "\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f"{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(new)
        Path(name).replace(path)
    except OSError as error:
        raise SettingError(f"--save {path}: cannot be written: {error.strerror}") from None
