"""Reading the settings: each value is converted and checked, and an error says which place held what."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .._aws.endpoints import REGION, is_rds, region_of, region_of_arn
from .._driver.packets import DEFAULT_MAX_ALLOWED_PACKET, MAXIMUM_MAX_ALLOWED_PACKET
from ..errors import SettingsError
from ..secret import Secret
from . import defaults
from .places import Places, Variables
from .shown import has_control_character, shown
from .suggestions import suggestion

_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*")
_STORED: Final = re.compile(r"[A-Za-z0-9/_+=.@:-]+")
"""Names and ARNs of secrets and parameters."""
_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})


class Reading:
    """Reads the settings of one engine from their places."""

    def __init__(self, name: str | None, environ: Variables, overrides: Mapping[str, Any], setting_names: Sequence[str]) -> None:
        """Take the engine's name and the places. Raises SettingsError."""
        self._places = Places(name, environ, overrides, setting_names)

    def values(self, read_secret: Callable[[str, str, float | None], Any]) -> dict[str, Any]:
        """Return the value of each setting. `read_secret` returns what a secret says, given its name, region and `connect_timeout`.

        Raises SettingsError, and what `read_secret` raises.
        """
        password, secret, parameter = self._ways_to_sign_in()
        connect_timeout = self._number("connect_timeout", 0.1, 900, " of seconds")
        found = None
        if secret is not None and self._text("host")[1] is None:
            found = read_secret(secret, self._stored_region(secret, None), connect_timeout)
        if found is not None and found.host:
            label, host = f"the host in the secret {secret!r}", found.host
        else:
            label, host = self._required("host", "the endpoint of the RDS instance, Aurora cluster or RDS Proxy")
        host = self._name(label, host)
        endpoint, own_name = self._endpoint(host)
        label, user = self._text("user") if secret is not None else self._required("user", "the database user that signs in")
        user = user or ""
        if len(user) > 80:
            raise SettingsError(f"{label} has {len(user)} characters: a user's name has at most 32 on MySQL, 80 on MariaDB")
        recycle, wait = self._recycle_and_wait()
        ca = self._ca()
        region = self._region(own_name, needed=password is None and secret is None and parameter is None)
        if secret is not None or parameter is not None:
            self._stored_region(secret or parameter or "", region)
        margin = self._number("deadline_margin_ms", 0, 60_000, " of milliseconds")
        packet = self._number("max_allowed_packet", 1024, MAXIMUM_MAX_ALLOWED_PACKET, " of bytes")
        return {
            "host": host,
            "user": user,
            "port": int(self._number("port", 1, 65535, "") or (found and found.port) or defaults.PORT),
            "database": self._text("database")[1] or (found and found.database),
            "endpoint": endpoint,
            "region": region,
            "password": password,
            "secret": secret,
            "password_parameter": parameter,
            "ca": ca,
            "development": self._development(host, own_name, password, ca),
            "pool_recycle": recycle,
            "wait_timeout": wait,
            "isolation_level": self._choice("isolation_level", defaults.ISOLATION_LEVELS, _level),
            "connect": self._choice("connect", defaults.CONNECT_TIMES, str.lower) or "use",
            "connect_timeout": connect_timeout,
            "deadline_margin_ms": defaults.DEADLINE_MARGIN_MS if margin is None else int(margin),
            "max_allowed_packet": int(packet or DEFAULT_MAX_ALLOWED_PACKET),
            "multi_statements": self._flag("multi_statements", default=False),
            "connections": self._choice("connections", defaults.CONNECTIONS, str.lower) or "automatic",
            "role": self._choice("role", defaults.ROLES, str.lower),
            "shutdown": self._flag("shutdown", default=True),
            "reset_session": self._flag("reset_session", default=True),
        }

    def _text(self, key: str) -> tuple[str, str | None]:
        label, value = self._places.find(key)
        if value is None:
            return label, None
        if not isinstance(value, str):
            raise SettingsError(f"{label}: {key} must be a text, not {_type_name(value)}")
        if not value:
            raise SettingsError(f"{label} is empty: give it a value, or leave it out")
        if value != value.strip():
            raise SettingsError(f"{label} has blanks before or after it: remove the blanks")
        if has_control_character(value):
            raise SettingsError(f"{label} has a control character in it, or bytes that are no UTF-8: remove them")
        if "://" in value and key != "host":
            raise SettingsError(f"{label} holds a URL: give the {key} alone, or the whole URL of the database as {self._places.prefix}URL")
        return label, value

    def _required(self, key: str, what: str) -> tuple[str, str]:
        label, value = self._text(key)
        if value is None:
            variable = self._places.prefix + key.upper()
            similar = suggestion(variable, self._places.environ.names(), "{} is set: was it meant?")
            raise SettingsError(f"{variable} is not set: set it to {what}, or call get_engine({key}=...){similar}")
        return label, value

    def _number(self, key: str, low: float, high: float, unit: str) -> float | None:
        label, value = self._places.find(key)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        kind = "number" if key == "connect_timeout" else "whole number"
        if isinstance(value, bool) or not low <= number <= high or (kind == "whole number" and not number.is_integer()):
            raise SettingsError(f"{label} is {shown(value)}: set it to a {kind}{unit} from {low:,g} to {high:,.0f}")
        return number

    def _flag(self, key: str, *, default: bool) -> bool:
        label, value = self._places.find(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        if not isinstance(value, str) or value.lower() not in _YES | _NO:
            raise SettingsError(f"{label} is {shown(value)}: set it to true or false")
        return value.lower() in _YES

    def _endpoint(self, host: str) -> tuple[str | None, str]:
        """Return the setting, and the endpoint's own name, which is the host where nothing else is set."""
        label, endpoint = self._text("endpoint")
        if endpoint is None:
            return None, host
        name, colon, port = endpoint.partition(":")
        name = self._name(label, name)
        if colon and not (port.isdecimal() and 0 < int(port) <= 65535):
            raise SettingsError(f"{label} is {shown(endpoint)}: behind the colon give the endpoint's own port, from 1 to 65,535")
        return f"{name}:{int(port)}" if colon else name, name

    def _name(self, label: str, host: str) -> str:
        # Beside a host's name stands most often the rest of a URL, so a password: of these nothing is shown but an RDS endpoint's name.
        if "/" in host or "@" in host or "?" in host:
            name = re.sub(r"[a-z0-9+:]*://", "", host).rpartition("@")[2].partition("?")[0].partition("/")[0]
            raise SettingsError(
                f"{label} has more in it than a host's name{f' (...{name!r}...)' if region_of(name) and _HOST.fullmatch(name) else ''}: give that "
                f"alone, or the whole URL as {self._places.prefix}URL"
            )
        if host.count(":") == 1:
            raise SettingsError(f"{label} has a colon in it: give the host name alone, and the port as {self._places.prefix}PORT")
        # DNS names know no case and may end in a dot; the token's signature and the certificate's comparison know better.
        name = host.lower().removesuffix(".")
        if not _HOST.fullmatch(name):
            raise SettingsError(f"{label} is {shown(host)}: that is no host name")
        return name

    def _region(self, host: str, *, needed: bool) -> str | None:
        environ = self._places.environ
        in_host = region_of(host)
        label, region = self._text("region")
        if region is None:
            region = in_host or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
            label = "AWS_REGION"
        if region is None:
            if needed:
                raise SettingsError(
                    f"{self._places.prefix}REGION is not set, the host {host!r} names no region and AWS_REGION is not set either: "
                    "set it to the region of the database, for example eu-central-1; to a database of your own, sign in with "
                    f"{self._places.prefix}PASSWORD and {self._places.prefix}DEVELOPMENT=true"
                )
            return None
        if not REGION.fullmatch(region):
            raise SettingsError(f"{label} is {shown(region)}: that is no AWS region, which looks like eu-central-1")
        if in_host and region != in_host:
            raise SettingsError(
                f"{label} is {region!r}, but the host {host!r} is in {in_host}: the server would refuse the token; leave {label} out"
            )
        return region

    def _ways_to_sign_in(self) -> tuple[Secret | None, str | None, str | None]:
        """Return the password, the secret and the parameter, of which one at most is set."""
        found = {key: self._stored_name(key) for key in ("secret", "password_parameter")}
        password = self._password()
        given = [key for key, value in (*found.items(), ("password", password)) if value is not None]
        if len(given) > 1:
            labels = " and ".join(self._places.find(key)[0] for key in given)
            raise SettingsError(f"{labels} are both set, and each says where the password is: keep one of them")
        return password, found["secret"], found["password_parameter"]

    def _stored_name(self, key: str) -> str | None:
        label, name = self._text(key)
        if name is not None and not _STORED.fullmatch(name):
            raise SettingsError(
                f"{label} is no name and no ARN (it is not shown, as it can be the password itself): give the name of where AWS keeps it"
            )
        return name

    def _stored_region(self, name: str, region: str | None) -> str:
        """Return the region of a secret or a parameter: that of its ARN, else the database's."""
        environ = self._places.environ
        found = region_of_arn(name) or region or self._text("region")[1] or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        if not found or not REGION.fullmatch(found):
            raise SettingsError(f"the region of {name!r} is not known: give its ARN, or set {self._places.prefix}REGION")
        return found

    def _password(self) -> Secret | None:
        label, password = self._places.find("password")
        if isinstance(password, Secret):
            password = password.reveal()
        if password is None:
            return None
        if not isinstance(password, str):
            raise SettingsError(f"{label}: the password must be a text, not {_type_name(password)}")
        if not password:
            raise SettingsError(f"{label} is empty: leave it out to sign in with IAM")
        if "\0" in password:
            raise SettingsError(f"{label} has a NUL in it: the server would read the password up to there only")
        secret = Secret(password)
        if not secret.encodable():
            raise SettingsError(f"{label} has characters that can't be sent as UTF-8: check how the variable was set")
        return secret

    def _development(self, host: str, own_name: str, password: Secret | None, ca: str | None) -> bool:
        label = self._places.find("development")[0]
        if not self._flag("development", default=False):
            return False
        # The process's own: dbapi.connect() reads settings from a few variables only.
        on_aws = next((name for name in defaults.OF_A_FUNCTION if os.environ.get(name)), None)
        wrong = None
        if on_aws is not None:
            wrong = f"this is no machine for development, for {on_aws} is set: a function verifies its database"
        elif is_rds(host) or is_rds(own_name):
            wrong = f"{own_name!r} is an RDS endpoint, whose certificate is always verified"
        elif password is None or "X-Amz-Signature=" in password.reveal():
            wrong = f"only a password signs in to a server that is not verified, never a token: set {self._places.prefix}PASSWORD"
        elif ca is not None:
            wrong = f"with {self._places.find('ca')[0]} the server is verified: keep one of the two"
        if wrong is not None:
            raise SettingsError(f"{label} is for development with a database of your own only, and {wrong}. Leave {label} out")
        return True

    def _ca(self) -> str | None:
        label, path = self._text("ca")
        if path is not None and not os.path.isfile(path):
            raise SettingsError(f"{label} is {path!r}, which is no file here: give the path of a PEM file that the function can read")
        return path

    def _recycle_and_wait(self) -> tuple[int, int]:
        recycle = self._number("pool_recycle", 1, defaults.MAXIMUM_WAIT_TIMEOUT - 1, " of seconds")
        wait = self._number("wait_timeout", 2, defaults.MAXIMUM_WAIT_TIMEOUT, " of seconds")
        margin = defaults.WAIT_TIMEOUT_MARGIN
        if recycle is None and wait is None:
            return defaults.POOL_RECYCLE, defaults.POOL_RECYCLE + margin
        if recycle is None:
            assert wait is not None
            return max(1, min(defaults.POOL_RECYCLE, int(wait) - min(margin, int(wait) // 2))), int(wait)
        if wait is None:
            return int(recycle), min(int(recycle) + margin, defaults.MAXIMUM_WAIT_TIMEOUT)
        if recycle >= wait:
            places = self._places
            raise SettingsError(
                f"{places.find('pool_recycle')[0]} is {recycle:g} and {places.find('wait_timeout')[0]} is {wait:g}: the server "
                "would close connections that the pool still trusts; set the first below the second, or only one of them"
            )
        return int(recycle), int(wait)

    def _choice(self, key: str, choices: Sequence[str], normal: Callable[[str], str]) -> str | None:
        label, value = self._text(key)
        if value is not None and normal(value) not in choices:
            raise SettingsError(f"{label} is {shown(value)}: set it to one of {', '.join(choices)}")
        return None if value is None else normal(value)


def _type_name(value: Any) -> str:
    """Return the name of a value's type; `hide()` has put the type itself in the place of some."""
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _level(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text)).upper()
