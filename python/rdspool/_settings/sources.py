"""What the place of each setting is called in a message: the variable of this engine, the argument, or the part of a URL."""

from __future__ import annotations

from typing import Final

from .defaults import BEFORE_OPTIONS, PREFIX

DOCTOR: Final = "python -m rdspool doctor"


class Sources:
    """Knows the place of each setting of one engine: the one that its value came from, or where a value belongs that nobody gave.

    Every message that names a setting asks here. Not a dataclass: making one costs a cold start 1 ms of CPU.
    """

    __slots__ = ("_argument", "_options", "_place", "_used", "name")

    def __init__(self, argument: str, place: str, options: str | None = None, *, name: str | None = None) -> None:
        """Take how an argument is called, and the place of what nobody gave, with `{key}` or `{KEY}` for the setting's name.

        `options` is that place where the setting is none of `BEFORE_OPTIONS`, None where it is the same. `name` is the engine's.
        """
        self._argument = argument
        self._place = place
        self._options = options or place
        self._used: dict[str, str] = {}
        self.name = name

    def __getitem__(self, key: str) -> str:
        """Return the place of a setting: where its value came from, else where it belongs."""
        return self._used.get(key) or self.belongs(key)

    def given(self, key: str) -> str | None:
        """Return the place that the value of a setting came from, None where nobody gave one."""
        return self._used.get(key)

    def belongs(self, key: str) -> str:
        """Return the place of a setting that nobody gave."""
        return (self._place if key in BEFORE_OPTIONS else self._options).format(key=key, KEY=key.upper())

    def argument(self, key: str) -> str:
        """Return the argument that the setting, or an option of SQLAlchemy, can be given as."""
        return self._argument.format(key=key)

    def use(self, key: str, place: str) -> None:
        """Note the place that the value of a setting came from."""
        self._used[key] = place

    @property
    def doctor(self) -> str:
        """The command that examines the engine of this name. It reads variables, so where others were used, it says that they have to be set."""
        command = DOCTOR if self.name is None else f"{DOCTOR} {self.name}"
        elsewhere = any(not place.rpartition(" ")[2].startswith(PREFIX) for place in self._used.values())
        return f"{command}, with the same settings as variables," if elsewhere else command


def of_engine(name: str | None = None, function: str = "get_engine") -> Sources:
    """Return the places of the settings that `function` reads: what nobody gave belongs into the variables of the engine `name`."""
    if name is None:
        return Sources(f"{function}({{key}}=...)", f"{PREFIX}{{KEY}}")
    return Sources(f'{function}("{name.lower()}", {{key}}=...)', f"{PREFIX}{name.upper()}_{{KEY}}", name=name.lower())


def of_connect() -> Sources:
    """Return the places of the settings of `dbapi.connect()`."""
    return Sources("connect({key}=...)", "connect({key}=...)")


def of_url() -> Sources:
    """Return the places of the settings of create_engine("mysql+rdspool://...")."""
    return Sources('connect_args["{key}"]', "{key} in create_engine()'s URL", "?{key}=... in create_engine()'s URL")
