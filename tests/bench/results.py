"""The outcome as it is written down: medians, their spread, ratios to the peers, and what they depend on."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from local.environment.quota import PERIOD_US

from . import authorities, machine
from .contenders import BASELINE, BY_NAME, PEERS
from .measures import ALL, SHARES, Measure
from .process import Place
from .rounds import Effort, Observed

SCHEMA = 1


def results(observed: Observed, names: Sequence[str], effort: Effort, place: Place, quick: bool) -> dict[str, Any]:
    """Return everything that the table, the chart and results.json show."""
    return {
        "schema": SCHEMA,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "quick": quick,
        "machine": {**machine.facts(), "load_before": observed.load},
        "quota": {
            "available": not observed.no_quota,
            "reason": observed.no_quota,
            "period_ms": PERIOD_US / 1e3,
            "shares": {share.key: {"memory_mb": share.memory_mb, "share": share.share} for share in SHARES},
        },
        "authorities": {bundle: authorities.count(file) for bundle, file in place.authorities.items()},
        "versions": machine.versions(observed.versions, place.endpoint.server),
        "effort": asdict(effort),
        "measures": {one.key: {"section": one.section, "title": one.title, "unit": one.unit} for one in ALL},
        "contenders": {name: _contender(name, observed) for name in (BASELINE.name, *names)},
    }


def _contender(name: str, observed: Observed) -> dict[str, Any]:
    contender = BY_NAME[name]
    seen = observed.values[name]
    return {
        "label": contender.label,
        "how": contender.how,
        "driver": observed.drivers.get(name, ""),
        "figures": {key: _figure(values) for key, values in seen.items()},
        "ratios": {
            peer: {key: _ratio(values, observed.values[peer][key]) for key, values in seen.items() if key in observed.values[peer]}
            for peer in PEERS
            if peer in observed.values and peer != name
        },
    }


def _figure(values: list[float]) -> dict[str, float]:
    middle, low, high = (round(one, 4) for one in (statistics.median(values), min(values), max(values)))
    return {"median": middle, "low": low, "high": high, "repeats": len(values)}


def _ratio(ours: list[float], theirs: list[float]) -> float | None:
    peer = statistics.median(theirs)
    return round(statistics.median(ours) / peer, 4) if peer > 0 else None


def median(outcome: dict[str, Any], name: str, measure: Measure) -> float | None:
    """Return a contender's figure for a measure; None where there is none."""
    figure = outcome["contenders"][name]["figures"].get(measure.key)
    return None if figure is None else figure["median"]


def shown(outcome: dict[str, Any]) -> list[Measure]:
    """Return the measures for which there is a figure."""
    return [one for one in ALL if any(median(outcome, name, one) is not None for name in contenders(outcome))]


def contenders(outcome: dict[str, Any]) -> list[str]:
    """Return those who connected, in their order."""
    return [name for name in outcome["contenders"] if name != BASELINE.name]


def text(value: float | None, measure: Measure) -> str:
    """Return a figure as people read it: counts whole, times with three digits."""
    if value is None:
        return "–"
    if measure.exact and value == int(value):
        return f"{value:.0f}"
    for limit, digits in ((10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def conditions(outcome: dict[str, Any]) -> list[str]:
    """Return, a paragraph each, what the reader has to know of how the figures came about."""
    facts, effort, bundles = outcome["machine"], outcome["effort"], outcome["authorities"]
    versions = ", ".join(f"{name} {number}" for name, number in outcome["versions"].items())
    measured = (
        f"Measured on {outcome['date']} in one run, contenders taking turns; medians of {effort['fresh']} fresh processes (imports, cold "
        f"connects, memory) and {effort['warm']} batches (the rest); the client verifies TLS and signs in with an IAM token."
    )
    authorities = (
        f"The peers load the authorities of one region ({bundles['region']} with the test's own), or of all where it says so "
        f"({bundles['all']}), as AWS offers them for download; rdspool the {bundles['shipped']} that it ships for a region."
    )
    machine = f"{facts['processor']}, {facts['cores']} cores, {facts['architecture']}, {facts['system']}, load {facts['load_before']:g} before the run; {versions}."
    meaning = (
        "Round trips are counted at the server's front, without TCP's own. CPU is the process's own: the server and its front are others. "
        "Client and server are on one machine, so elapsed times hold no network."
    )
    told = [measured, authorities, machine, meaning, _under_quota(outcome)]
    return [*told, "A quick run: few repeats, so the times are rough."] if outcome["quick"] else told


def _under_quota(outcome: dict[str, Any]) -> str:
    quota = outcome["quota"]
    if not quota["available"]:
        return f"No figures under a quota: {quota['reason']}."
    rounds = " and ".join(f"{number} at {quota['shares'][key]['memory_mb']:,} MB" for key, number in outcome["effort"]["quota"].items())
    return (
        f"Under a quota (control group, period of {quota['period_ms']:g} ms; memory itself is not limited): fresh processes, {rounds}, "
        f"batches of {outcome['effort']['quota_seconds']:g} s; the imports too run under it."
    )


def notes(outcome: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return of each contender its label, how it is set up, and the class of its connection."""
    return [(one["label"], one["how"], one["driver"]) for name, one in outcome["contenders"].items() if name != BASELINE.name]
