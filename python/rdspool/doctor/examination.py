"""The examination: the steps in their order, each with its time. A failed step ends only the steps that need it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from mysql.connector.errors import Error

from ..version import __version__
from . import credentials, identity, installation, limits, network, proxy, server, settings, sign_in, tls, token
from .patient import Patient
from .step import FAILED, OK, WARNING, Finding, Result, Step, skipped

FORMAT: Final = 1
"""Number of the report's form, which docs/doctor.md describes. A key that changes its meaning or goes away counts it up."""

STEPS: Final = (
    Step("settings", settings.look),
    Step("versions", installation.versions),
    Step("runtime", installation.runtime),
    Step("credentials", credentials.look),
    Step("dns", network.dns, ("settings",)),
    Step("tcp", network.tcp, ("dns",)),
    Step("greeting", network.greeting, ("tcp",)),
    Step("tls", tls.look, ("greeting",)),
    Step("token", token.look, ("settings", "credentials")),
    Step("sign-in", sign_in.look, ("tls", "token")),
    Step("clock", server.clock),
    Step("database", server.database, ("sign-in",)),
    Step("role", server.role, ("sign-in",)),
    Step("limits", limits.look, ("sign-in",)),
    Step("proxy", proxy.look, ("settings",)),
    Step("principal", identity.look, ("credentials",)),
)
"""The steps. One that is not needed, such as the credentials where a password signs in, lets the steps after it go on.

STS is asked from the credentials on, and its answer is waited for at the end: in a VPC that does not lead to it, no step has less time."""


def examine(patient: Patient, seen: Callable[[Result], object] = lambda _: None) -> list[Result]:
    """Return what each step found. `seen` is called with each result as soon as it is there: a later step can take its time."""
    results: dict[str, Result] = {}
    blocked: dict[str, str] = {}
    try:
        for step in STEPS:
            root = next((blocked[need] for need in step.needs if need in blocked), None)
            began = time.monotonic()
            if root is not None:
                blocked[step.name] = root
                finding = skipped(f"not possible, because the step {root!r} failed")
            else:
                finding = _looked(step, patient)
                if finding.outcome == FAILED:
                    blocked[step.name] = step.name
            results[step.name] = Result(step.name, time.monotonic() - began, finding)
            seen(results[step.name])
    finally:
        with suppress(Error):  # a server that is gone is no news any more
            patient.close()
    return list(results.values())


def _looked(step: Step, patient: Patient) -> Finding:
    try:
        return step.look(patient)
    except Error as error:
        return Finding(
            FAILED,
            str(error.msg),
            cause="The server, or the network before it, did not answer this step in a useful way",
            fix=["Run the doctor again; in a function with a longer time-out: aws lambda update-function-configuration --timeout 30"],
        )
    except Exception as error:  # noqa: BLE001 - one step that fails in a way that nobody has thought of must not end the others
        # Without the error's text: nobody knows what is in it.
        return Finding(
            FAILED,
            f"the step itself failed with {type(error).__name__}{_place(error)}",
            cause="rdspool's doctor has a defect, or a server answered in a way that it does not know",
            fix=["Report this line, with the JSON of the other steps, to the authors of rdspool"],
        )


def _place(error: BaseException) -> str:
    """Return the file and line where an error was raised."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return "" if step is None else f" at {step.tb_frame.f_code.co_filename.rpartition('/')[2]}:{step.tb_lineno}"


def summary(name: str | None, results: list[Result]) -> dict[str, Any]:
    """Return the whole report as values of JSON's types."""
    return {
        "format": FORMAT,
        "rdspool": __version__,
        "name": name,
        "ok": all(result.outcome != FAILED for result in results),
        "failed": [result.step for result in results if result.outcome == FAILED],
        "warnings": [result.step for result in results if result.outcome == WARNING],
        "passed": [result.step for result in results if result.outcome == OK],
        "steps": [result.as_json() for result in results],
    }
