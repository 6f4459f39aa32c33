"""Where settings come from: keyword arguments, a URL, the environment. Each is checked, and an error says which place held what."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import SettingsError
from .secret import Secret
from .settings import (
    CONNECT_TIMES,
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_POOL_RECYCLE,
    DEFAULT_PORT,
    DRIVERS,
    IDENTITY,
    ISOLATION_LEVELS,
    MAXIMUM_WAIT_TIMEOUT,
    PREFIX,
    REGION,
    SETTING_NAMES,
    WAIT_TIMEOUT_MARGIN,
    Settings,
    region_of,
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*")


class Source:
    """Looks each setting up in its places and says in an error which place held the wrong value."""

    def __init__(self, name: str | None, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> None:
        if name is not None and "://" in name:
            raise SettingsError("get_engine()'s first argument is the engine's name: give a URL as get_engine(url=...)")
        if name is not None and not _NAME.fullmatch(name):
            raise SettingsError(
                f"the engine's name {name!r} can't be part of a variable's name: use letters, digits and _, "
                'as in get_engine("reporting"), which reads RDSPOOL_REPORTING_HOST'
            )
        self.environ = environ
        self.prefix = PREFIX if name is None else f"{PREFIX}{name.upper()}_"
        self.given = {key: value for key, value in overrides.items() if value is not None}
        unknown = sorted(set(self.given) - {*SETTING_NAMES, "url"})
        if unknown and unknown[0] in _ITS_OWN:
            raise SettingsError(f"get_engine() takes no {unknown[0]!r}: {_ITS_OWN[unknown[0]]}")
        if unknown:
            raise SettingsError(f"get_engine() has no argument {unknown[0]!r}{_suggestion(unknown[0], SETTING_NAMES)}")
        self.check_variable_names()
        self.url = self.read_url()

    def check_variable_names(self) -> None:
        """Refuse a misspelt variable: ignoring it would leave a default in force that nobody asked for."""
        known = [key.upper() for key in (*SETTING_NAMES, "url")]
        for variable in self.environ:
            if not variable.startswith(PREFIX):
                continue
            rest = variable.removeprefix(PREFIX)
            if rest in known or any(rest.endswith(f"_{key}") for key in known):
                continue
            raise SettingsError(
                f"{variable} is no setting of rdspool{_suggestion(variable, [PREFIX + key for key in known])}; rename or remove it"
            )

    def read_url(self) -> dict[str, Any]:
        label, text = self.find("url", url=None)
        if text is None:
            return {}
        # What is said of a URL shows nothing but its scheme: a password with /, #, ? or @ in it can stand anywhere.
        form = "write mysql+rdspool://user@host:3306/database, with / # ? @ : and % in the user or password as %2F %23 %3F %40 %3A %25"
        scheme, colon, _ = str(text).partition("://")
        if not colon or scheme not in ("mysql+rdspool", "mysql"):
            raise SettingsError(f"{label} is not a URL of MySQL{f' ({scheme}://...)' if colon else ''}: {form}")
        try:
            parts = urlsplit(str(text))
            port, host = parts.port, parts.hostname
        except ValueError:
            port, host = None, None
        if not host or "@" in parts.path + parts.query + parts.fragment:
            raise SettingsError(f"{label} can't be taken apart ({scheme}://...): {form}")
        values: dict[str, Any] = {"host": host, "port": port, "database": unquote(parts.path.lstrip("/")) or None}
        values["user"] = unquote(parts.username) if parts.username else None
        values["password"] = unquote(parts.password) if parts.password else None
        for key, value in parse_qsl(parts.query, keep_blank_values=True):
            if key == "password" or key not in SETTING_NAMES:
                raise SettingsError(f"{label} ({scheme}://...@{host}) has an unknown option {key!r}{_suggestion(key, SETTING_NAMES)}")
            values[key] = value
        return {key: value for key, value in values.items() if value is not None}

    def find(self, key: str, url: Mapping[str, Any] | None) -> tuple[str, Any]:
        """Return where the setting was found (or where it belongs) and its value, None when it is nowhere."""
        if key in self.given:
            return f"get_engine({key}=...)", self.given[key]
        if url and key in url:
            return f"{key} in the URL", url[key]
        variable = self.prefix + key.upper()
        value = self.environ.get(variable)
        if not value and key not in IDENTITY:
            common = PREFIX + key.upper()
            if self.environ.get(common):
                return common, self.environ[common]
        return variable, value or None

    def text(self, key: str) -> tuple[str, str | None]:
        label, value = self.find(key, self.url)
        if value is None:
            return label, None
        if not isinstance(value, str):
            raise SettingsError(f"{label}: {key} must be a text, not {type(value).__name__}")
        if not value:
            raise SettingsError(f"{label} is empty: give it a value, or leave it out")
        if value != value.strip():
            raise SettingsError(f"{label} is {value!r}: remove the blanks")
        return label, value

    def required(self, key: str, what: str) -> tuple[str, str]:
        label, value = self.text(key)
        if value is None:
            variable = self.prefix + key.upper()
            similar = _suggestion(variable, [v for v in self.environ if v.startswith(PREFIX)], "{} is set: was it meant?")
            raise SettingsError(f"{variable} is not set: set it to {what}, or call get_engine({key}=...){similar}")
        return label, value

    def number(self, key: str, low: float, high: float, unit: str) -> float | None:
        label, value = self.find(key, self.url)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        kind = "number" if key == "connect_timeout" else "whole number"
        if isinstance(value, bool) or not low <= number <= high or (kind == "whole number" and not number.is_integer()):
            raise SettingsError(f"{label} is {value!r}: set it to a {kind}{unit} from {low:g} to {high:,.0f}")
        return number

    def settings(self) -> Settings:
        host = self.host()
        label, user = self.required("user", "the database user that signs in")
        if len(user) > 80:
            raise SettingsError(f"{label} is {user!r}: a user's name has at most 32 characters on MySQL, 80 on MariaDB")
        recycle, wait = self.recycle_and_wait()
        password = self.password()
        return Settings(
            host=host,
            user=user,
            port=int(self.number("port", 1, 65535, "") or DEFAULT_PORT),
            database=self.text("database")[1],
            region=self.region(host, needed=password is None),
            password=password,
            ca=self.ca(),
            pool_recycle=recycle,
            wait_timeout=wait,
            isolation_level=self.choice("isolation_level", ISOLATION_LEVELS, _level),
            driver=self.choice("driver", DRIVERS, str.lower) or "pure",
            connect=self.choice("connect", CONNECT_TIMES, str.lower) or "use",
            connect_timeout=self.number("connect_timeout", 0.1, 900, " of seconds") or DEFAULT_CONNECT_TIMEOUT,
        )

    def host(self) -> str:
        label, host = self.required("host", "the endpoint of the RDS instance, Aurora cluster or RDS Proxy")
        if "/" in host or "@" in host or "?" in host:
            shown = host.rpartition("@")[2].partition("?")[0]  # what stands before an @ or behind a ? can be a password
            raise SettingsError(
                f"{label} has more in it than a host's name (...{shown!r}): give that alone, or the whole URL as {self.prefix}URL"
            )
        if host.count(":") == 1:
            raise SettingsError(f"{label} is {host!r}: give the host name alone, and the port as {self.prefix}PORT")
        # DNS names know no case and may end in a dot; the token's signature and the certificate's comparison know better.
        name = host.lower().removesuffix(".")
        if not _HOST.fullmatch(name):
            raise SettingsError(f"{label} is {host!r}: that is no host name")
        return name

    def region(self, host: str, *, needed: bool) -> str | None:
        in_host = region_of(host)
        label, region = self.text("region")
        if region is None:
            region = in_host or self.environ.get("AWS_REGION") or self.environ.get("AWS_DEFAULT_REGION") or None
            label = "AWS_REGION"
        if region is None:
            if needed:
                raise SettingsError(
                    f"{self.prefix}REGION is not set, the host {host!r} names no region and AWS_REGION is not set either: "
                    "set it to the region of the database, for example eu-central-1"
                )
            return None
        if not REGION.fullmatch(region):
            raise SettingsError(f"{label} is {region!r}: that is no AWS region, which looks like eu-central-1")
        if in_host and region != in_host:
            raise SettingsError(
                f"{label} is {region!r}, but the host {host!r} is in {in_host}: the server would refuse the token; leave {label} out"
            )
        return region

    def password(self) -> Secret | None:
        label, password = self.find("password", self.url)
        if password is None or isinstance(password, Secret):
            return password
        if not isinstance(password, str):
            raise SettingsError(f"{label}: the password must be a text, not {type(password).__name__}")
        if not password:
            raise SettingsError(f"{label} is empty: leave it out to sign in with IAM")
        secret = Secret(password)
        del password
        if not secret.encodable():
            raise SettingsError(f"{label} has characters that can't be sent as UTF-8: check how the variable was set")
        return secret

    def ca(self) -> str | None:
        label, path = self.text("ca")
        if path is not None and not os.path.isfile(path):
            raise SettingsError(f"{label} is {path!r}, which is no file here: give the path of a PEM file that the function can read")
        return path

    def recycle_and_wait(self) -> tuple[int, int]:
        recycle = self.number("pool_recycle", 1, MAXIMUM_WAIT_TIMEOUT - 1, " of seconds")
        wait = self.number("wait_timeout", 2, MAXIMUM_WAIT_TIMEOUT, " of seconds")
        if recycle is None and wait is None:
            return DEFAULT_POOL_RECYCLE, DEFAULT_POOL_RECYCLE + WAIT_TIMEOUT_MARGIN
        if recycle is None:
            assert wait is not None
            return max(1, min(DEFAULT_POOL_RECYCLE, int(wait) - min(WAIT_TIMEOUT_MARGIN, int(wait) // 2))), int(wait)
        if wait is None:
            return int(recycle), min(int(recycle) + WAIT_TIMEOUT_MARGIN, MAXIMUM_WAIT_TIMEOUT)
        if recycle >= wait:
            raise SettingsError(
                f"{self.find('pool_recycle', self.url)[0]} is {recycle:g} and {self.find('wait_timeout', self.url)[0]} is {wait:g}: the server "
                f"would close connections that the pool still trusts; set the first below the second, or only one of them"
            )
        return int(recycle), int(wait)

    def choice(self, key: str, choices: Sequence[str], normal: Callable[[str], str]) -> str | None:
        label, value = self.text(key)
        if value is not None and normal(value) not in choices:
            raise SettingsError(f"{label} is {value!r}: set it to one of {', '.join(choices)}")
        return None if value is None else normal(value)


def _level(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text)).upper()


_ITS_OWN: Final = {
    "creator": "it makes the connections itself; use create_engine() for a creator of your own",
    "poolclass": "it has its own pool of one connection; pool_size= is taken",
    "pool_pre_ping": "an idle connection is always checked before its use",
    "connect_args": "give the settings by their own names",
}
"""Arguments of create_engine() that get_engine() has its own mind on."""

_OTHERS_NAMES: Final = {
    "db": "database",
    "username": "user",
    "passwd": "password",
    "pass": "password",
    "ssl_ca": "ca",
    "timeout": "connect_timeout",
}
"""What other libraries call a setting."""


def _suggestion(wrong: str, known: list[str] | tuple[str, ...], phrase: str = "did you mean {}?") -> str:
    import difflib  # 2 ms of import that only an error needs

    bare = wrong.removeprefix(PREFIX).lower()
    if bare in _OTHERS_NAMES:
        return f" ({phrase.format(_OTHERS_NAMES[bare] if bare == wrong else PREFIX + _OTHERS_NAMES[bare].upper())})"
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.75)
    return f" ({phrase.format(close[0])})" if close else ""
