"""The step "settings": each setting, its value and the place that it came from."""

from __future__ import annotations

import os
import re
from typing import Any, Final

from .._aws.endpoints import region_of
from .._settings.defaults import PREFIX
from .._settings.places import Places, Variables
from ..errors import ConnectTimeoutError, CredentialsError, SettingsError
from ..secret import HIDDEN, Secret
from ..settings import SETTING_NAMES, Settings
from .patient import Patient
from .step import FAILED, OK, WARNING, Finding

DEFAULT: Final = "default"
"""The place of a setting that nobody set."""


def look(patient: Patient) -> Finding:
    """Read the settings as get_engine() does."""
    called = "get_engine()" if patient.name is None else f"get_engine({patient.name!r})"
    try:
        patient.settings = Settings.load(patient.name)
    except (SettingsError, CredentialsError, ConnectTimeoutError) as error:  # the latter of a secret that has to name the host
        return Finding(
            FAILED,
            f"{called} has no settings that it can work with",
            {"variables": _variables()},
            cause=str(error),
            fix=[_correct(str(error))],
        )
    settings = patient.settings
    facts = {"settings": _places(patient, settings)}
    who = repr(settings.user) if settings.user else f"the user of the secret {settings.secret!r}"
    found = f"{called} signs {who} in at {settings.host}:{settings.port} with {'IAM' if settings.iam else 'a password'}"
    if settings.iam and region_of(settings.own_name) is None:
        return Finding(
            WARNING,
            found,
            facts,
            cause=f"{settings.own_name!r} is not the name of an RDS endpoint. The token and the certificate are for the endpoint's own name, so that "
            "an alias (a CNAME) or an address is refused",
            fix=["Set RDSPOOL_ENDPOINT to the endpoint's own name, which ends in .rds.amazonaws.com; RDSPOOL_HOST can stay an alias of it"],
        )
    return Finding(OK, found, facts)


def _correct(text: str) -> str:
    """Return how to correct the variable that an error names first."""
    named = re.search(rf"{PREFIX}\w+", text)
    if named is None:
        return "Do what the cause says, in the function's environment variables or in the shell"
    return f"Correct {named[0]}: among the function's environment variables, or in the shell (export {named[0]}=..., unset {named[0]})"


def _variables() -> list[str]:
    """Return the names of rdspool's variables that are set. Their values can be passwords."""
    return sorted(Variables(os.environ).names())


def _places(patient: Patient, settings: Settings) -> dict[str, dict[str, Any]]:
    places = Places(patient.name, Variables(os.environ), {}, SETTING_NAMES)
    found = {}
    for key in SETTING_NAMES:
        value = getattr(settings, key)
        label, given = places.find(key)
        found[key] = {
            "value": HIDDEN if isinstance(value, Secret) else value,
            "from": label if given is not None else _other_place(key, settings),
        }
    return found


def _other_place(key: str, settings: Settings) -> str:
    if key == "region" and settings.region is not None:
        if region_of(settings.own_name):
            return "the host's name" if settings.endpoint is None else "the endpoint's name"
        return "AWS_REGION" if os.environ.get("AWS_REGION") else "AWS_DEFAULT_REGION"
    return DEFAULT
