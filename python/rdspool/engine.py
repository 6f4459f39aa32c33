"""get_engine(): the one engine per name and process."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, Engine

from . import creator, dialect, pool
from ._aws.endpoints import is_proxy
from ._driver import resumption, tls
from ._lambda import invocation, shutdown, snapshot
from ._lambda.pressure import KEEP, Pressure, give_back_at_end
from ._settings.defaults import NEVER_SECRET
from ._settings.places import wrong_name
from .creator import Creator
from .errors import SettingsError
from .secret import hide
from .settings import SETTING_NAMES, Settings

if TYPE_CHECKING:
    from typing import Unpack

    from .engine_options import EngineOptions

ENGINE_OPTIONS: Final = frozenset(
    {
        "echo",
        "echo_pool",
        "enable_from_linting",
        "execution_options",
        "hide_parameters",
        "insertmanyvalues_page_size",
        "json_deserializer",
        "json_serializer",
        "label_length",
        "logging_name",
        "max_overflow",
        "plugins",
        "pool_logging_name",
        "pool_reset_on_return",
        "pool_size",
        "pool_timeout",
        "pool_use_lifo",
        "query_cache_size",
        "skip_autocommit_rollback",
        "use_insertmanyvalues",
    }
)
"""Arguments of SQLAlchemy's create_engine() that get_engine() passes on."""

_SHOWN: Final = ENGINE_OPTIONS | NEVER_SECRET

_engines: dict[str | None, tuple[Settings, dict[str, Any], Engine]] = {}
"""By name: the settings, the arguments of the call that made the engine, and the engine."""
_lock = threading.Lock()


def get_engine(name: str | None = None, **options: Unpack[EngineOptions]) -> Engine:
    """Return the process's engine for `name`, made at the first call.

    The same name gives the same engine in every thread; after a fork the child gets its own. Settings come from keyword
    arguments (`host=`, `user=`, `database=`, `port=`, `password=`, `region=`, `ca=`, `pool_recycle=` and `wait_timeout=` in
    seconds, `isolation_level=`, `connect_timeout=` in seconds, `deadline_margin_ms=`, `connect=`, `max_allowed_packet=` in bytes, `multi_statements=`,
    or `url=`), else from RDSPOOL_HOST and so on; the engine "reporting" reads RDSPOOL_REPORTING_HOST. SQLAlchemy's own options in
    `ENGINE_OPTIONS` (`echo=`, `pool_size=`, ...) are passed on.

    The first use makes the first connection; with `connect="init"` a thread makes it at once, beside the function's other
    imports, where Lambda gives CPU for free.

    Raises SettingsError for a missing or wrong setting, and where an engine of that name exists with other settings, also because the
    variables have changed since. Inside Lambda they can't, so there a call without arguments does not read them again. `reset()` closes
    the engines, so that other settings can be used.
    """
    hide(options, _SHOWN)
    wrong = wrong_name(name)
    if wrong is not None:
        del name  # it can be a URL
        raise SettingsError(wrong)
    if name is not None:
        name = name.lower()  # as in the variables' names
    passed_on: dict[str, Any] = {key: value for key, value in options.items() if key in ENGINE_OPTIONS}
    overrides: dict[str, Any] = {key: value for key, value in options.items() if key not in ENGINE_OPTIONS and value is not None}
    with _lock:
        known = _engines.get(name)
        if known is None:
            settings = Settings.load(name, **overrides)
            engine = _new_engine(settings, passed_on)
            _engines[name] = (settings, dict(options), engine)
            return engine
        if options or not os.environ.get("AWS_LAMBDA_RUNTIME_API"):
            _check_same(name, known, overrides, passed_on)
        return known[2]


def reset() -> None:
    """Close the connections of all engines and forget the engines, the tokens and the credentials: get_engine() then reads its settings anew.

    For tests, and for notebooks in which the settings change. Give connections back first: one that is in use stays open until then. An
    engine from an earlier call would connect with the old settings, so import again the modules that keep one.
    """
    with _lock:
        made = [engine for _, _, engine in _engines.values()]
        _engines.clear()
    for engine in made:
        engine.dispose()
    creator.forget()
    resumption.forget()


def _check_same(
    name: str | None, known: tuple[Settings, dict[str, Any], Engine], overrides: dict[str, Any], passed_on: dict[str, Any]
) -> None:
    """Raise SettingsError where the arguments, or else the variables, say something else than when the engine was made."""
    called = "unnamed engine" if name is None else f"engine {name!r}"
    former = {key: value for key, value in known[1].items() if key not in ENGINE_OPTIONS and value is not None}
    try:
        settings = Settings.load(name, **(overrides or former))
    except SettingsError as error:
        if overrides:
            raise
        raise SettingsError(
            f"the {called} exists already, and the variables have changed since: {error}. Call rdspool.reset() before other settings are used"
        ) from None
    changed = [key for key in SETTING_NAMES if getattr(known[0], key) != getattr(settings, key)]
    changed += [key for key, value in passed_on.items() if known[1].get(key) != value]
    if changed:
        raise SettingsError(
            f"the {called} exists already with another {changed[0]}: call get_engine() with the same arguments and variables everywhere, "
            f'give this one a name of its own, as in get_engine("reporting", ...), or call rdspool.reset() before other settings are used'
        )


def _new_engine(settings: Settings, passed_on: dict[str, Any]) -> Engine:
    made = Creator(settings, asks_first=True)
    if not is_proxy(settings.own_name) and settings.connections != KEEP and invocation.watch():
        made.pressure = Pressure(settings.connections)
    snapshot.watch(_before_snapshot, _after_restore)
    if settings.shutdown:
        shutdown.prepare()
    if settings.connect == "init":
        made.begin()
    url = URL.create("mysql+rdspool", settings.user or None, None, settings.host, settings.port, settings.database)
    arguments: dict[str, Any] = {**pool.arguments(settings.pool_recycle, settings.deadline_margin), **passed_on}
    if settings.isolation_level is not None:
        # The creator has set it; SQLAlchemy has to know it to come back to it after an execution option.
        arguments["isolation_level"] = settings.isolation_level
    engine = create_engine(url, creator=made, **arguments)
    if made.pressure is not None:
        give_back_at_end(engine, made.pressure)
    return engine


def _before_snapshot() -> None:
    """Leave nothing in the snapshot that environments can't share: connections, tokens, TLS sessions."""
    shutdown.close_all()
    for _, _, engine in _engines.values():
        engine.dispose()
    creator.forget()
    resumption.forget()


def _after_restore() -> None:
    """In an environment that was restored from the snapshot: connect at once, where that is asked for."""
    for settings, _, engine in _engines.values():
        made: Any = engine.pool._creator
        if settings.connect == "init" and isinstance(made, Creator):
            made.begin()


def _forget_engines() -> None:
    """In the child of a fork: the parent's connections are the parent's, to use and to close."""
    global _lock
    _lock = threading.Lock()
    for _, _, engine in _engines.values():
        engine.dispose(close=False)
    _engines.clear()
    resumption.forget()
    tls.after_fork()
    creator.after_fork()


os.register_at_fork(after_in_child=_forget_engines)
dialect.register()
