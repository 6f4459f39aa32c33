"""The places where a setting can stand: keyword arguments, a URL, the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..errors import SettingsError
from ..secret import Secret
from .defaults import BEFORE_OPTIONS, IDENTITY, PREFIX, PROCESS_WIDE
from .shown import has_control_character, shown
from .suggestions import suggestion

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_ITS_OWN: Final = {
    "creator": "it makes the connections itself; use create_engine() for a creator of your own",
    "poolclass": "it has its own pool of one connection; pool_size= is taken",
    "pool_pre_ping": "an idle connection is always checked before its use",
    "connect_args": "give the settings by their own names",
}
"""Arguments of create_engine() that get_engine() decides itself."""

_NO_C_DRIVER: Final = (
    "rdspool has one driver, in Python: it reconnects and reads large results with less CPU and memory than the C extension, "
    "which the layer no longer holds; remove it"
)


_FORM: Final = "write mysql+rdspool://user@host:3306/database, with / # ? @ : and % in the user or password as %2F %23 %3F %40 %3A %25"
_SCHEMES: Final = frozenset({"http", "https", "jdbc:mysql", "mariadb", "mssql", "mysql", "oracle", "postgres", "postgresql", "sqlite"})
"""Schemes that an error may show. What stands before :// can be anything else, a password too."""


class Variables:
    """The environment's variables. It does not show them: among them are passwords and the role's secret key."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def get(self, name: str) -> str | None:
        """Return a variable's value, None where it is not set, or empty."""
        return self._environ.get(name) or None

    def names(self) -> list[str]:
        """Return the names of rdspool's variables that are set, empty ones too."""
        return [name for name in self._environ if name.startswith(PREFIX)]


def wrong_name(name: str | None) -> str | None:
    """Return what is wrong with an engine's name, None where it is right."""
    if name is None or (isinstance(name, str) and _NAME.fullmatch(name)):
        return None
    if isinstance(name, str) and "://" in name:
        return "get_engine()'s first argument is the engine's name: give a URL as get_engine(url=...)"
    return (
        f"the engine's name {shown(name)} can't be part of a variable's name: use letters, digits and _, "
        'as in get_engine("reporting"), which reads RDSPOOL_REPORTING_HOST'
    )


class Places:
    """Looks a setting up in its places, and knows what each place is called in an error."""

    def __init__(self, name: str | None, environ: Variables, overrides: Mapping[str, Any], setting_names: Sequence[str]) -> None:
        """Take the engine's name and the places. Raises SettingsError for an argument or a variable that is not known."""
        self.environ = environ
        self.prefix = PREFIX if name is None else f"{PREFIX}{name.upper()}_"
        self._names = tuple(setting_names)
        self._given = {
            key: value.reveal() if isinstance(value, Secret) and key != "password" else value
            for key, value in overrides.items()
            if value is not None
        }
        self._check_driver("get_engine(driver=...)", self._given.pop("driver", None))
        unknown = sorted(set(self._given) - {*setting_names, "url"})
        if unknown and unknown[0] in _ITS_OWN:
            raise SettingsError(f"get_engine() takes no {unknown[0]!r}: {_ITS_OWN[unknown[0]]}")
        if unknown:
            raise SettingsError(f"get_engine() has no argument {unknown[0]!r}{suggestion(unknown[0], self._names)}")
        self._check_variables()
        self._url = self._read_url()

    def _check_driver(self, label: str, value: Any) -> None:
        if value is not None and value != "pure":
            raise SettingsError(f"{label} is {shown(value)}: {_NO_C_DRIVER}")

    def _check_variables(self) -> None:
        """Refuse a misspelt variable: ignoring it would leave a default in force that nobody asked for."""
        known = [key.upper() for key in (*self._names, "url")]
        for variable in self.environ.names():
            rest = variable.removeprefix(PREFIX)
            if rest == "DRIVER" or rest.endswith("_DRIVER"):
                self._check_driver(variable, (self.environ.get(variable) or "").lower() or None)
            elif rest in PROCESS_WIDE:
                value, possible = self.environ.get(variable), PROCESS_WIDE[rest]
                if value and value not in possible:
                    raise SettingsError(f"{variable} is {shown(value)}: choose from {', '.join(possible)}")
            elif rest not in known and not any(rest.endswith(f"_{key}") for key in known):
                raise SettingsError(
                    f"{variable} is no setting of rdspool{suggestion(variable, [PREFIX + key for key in known])}; rename or remove it"
                )

    def _read_url(self) -> dict[str, Any]:
        label, text = self.find("url")
        if text is None:
            return {}
        # Imported here: the import costs a cold start 2 ms, and most functions have no URL.
        from urllib.parse import parse_qsl, unquote, urlsplit

        if not isinstance(text, str):
            raise SettingsError(f"{label} must be a text: {_FORM}")
        # What is said of a URL shows nothing but its scheme: a password with /, #, ? or @ in it can stand anywhere.
        scheme, colon, _ = text.partition("://")
        if not colon or scheme not in ("mysql+rdspool", "mysql"):
            known = scheme.partition("+")[0]
            raise SettingsError(f"{label} is not a URL of MySQL{f' ({known}...://...)' if colon and known in _SCHEMES else ''}: {_FORM}")
        if has_control_character(text):  # urlsplit() would leave out some of them
            raise SettingsError(f"{label} has a control character in it: {_FORM}")
        try:
            parts = urlsplit(text)
            port, host = parts.port, parts.hostname
        except ValueError:
            port, host = None, None
        if not host or "@" in parts.path + parts.query + parts.fragment:
            raise SettingsError(f"{label} can't be taken apart ({scheme}://...): {_FORM}")
        values: dict[str, Any] = {"host": host, "port": port, "database": unquote(parts.path.lstrip("/")) or None}
        values["user"] = unquote(parts.username) if parts.username else None
        values["password"] = unquote(parts.password) if parts.password else None
        options: dict[str, str] = {}
        for key, value in parse_qsl(parts.query, keep_blank_values=True):
            if key == "driver":
                self._check_driver(f"driver in {label}", value)
                continue
            if key in BEFORE_OPTIONS:
                raise SettingsError(f"{label} has {key!r} among its options, where it could stand against what is before them: {_FORM}")
            if key not in self._names:
                option = f" {key!r}" if key.replace("_", "").isalpha() and key.islower() else ""  # it can be a part of a password
                raise SettingsError(f"{label} ({scheme}://...) has an unknown option{option}{suggestion(key, self._names)}")
            if key in options:
                raise SettingsError(f"{label} has the option {key!r} more than once: leave one")
            options[key] = value
        return {key: value for key, value in (values | options).items() if value is not None}

    def find(self, key: str) -> tuple[str, Any]:
        """Return where the setting was found (or where it belongs) and its value, None when it is nowhere."""
        if key in self._given:
            return f"get_engine({key}=...)", self._given[key]
        if key != "url" and key in self._url:
            return f"{key} in the URL", self._url[key]
        variable = self.prefix + key.upper()
        value = self.environ.get(variable)
        if value is None and key not in IDENTITY:
            common = PREFIX + key.upper()
            if self.environ.get(common):
                return common, self.environ.get(common)
        return variable, value
