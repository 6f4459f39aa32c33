"""The results: medians, their spread, ratios to the peers, and the conditions of the run."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from local.environment.quota import PERIOD_US

from . import authorities, connector_c, machine
from .contenders import BY_NAME, PEERS
from .measures import ALL, SHARES, Measure
from .process import Place
from .rounds import Effort, Observed

SCHEMA = 2


def results(observed: Observed, names: Sequence[str], effort: Effort, place: Place, quick: bool) -> dict[str, Any]:
    """Return the content of results.json, from which the table and the chart are made."""
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
        "authorities": {bundle: authorities.count(file) for bundle, file in place.authorities.items() if bundle != "others"},
        "versions": machine.versions(_packages(observed, names), place.endpoint.server),
        "effort": asdict(effort),
        "measures": {one.key: {"section": one.section, "title": one.title, "unit": one.unit} for one in ALL},
        "contenders": {name: _contender(name, observed) for name in names},
    }


def _packages(observed: Observed, names: Sequence[str]) -> dict[str, str]:
    compiled = any(BY_NAME[name].connector_c for name in names)
    return observed.versions | ({"MariaDB Connector/C": connector_c.version()} if compiled else {})


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
    lower, middle, upper = statistics.quantiles(values, method="inclusive") if len(values) > 1 else values * 3
    figures = {"median": middle, "low": min(values), "lower": lower, "upper": upper, "high": max(values)}
    return {**{name: round(value, 4) for name, value in figures.items()}, "repeats": len(values)}


def _ratio(ours: list[float], theirs: list[float]) -> float | None:
    peer = statistics.median(theirs)
    return round(statistics.median(ours) / peer, 4) if peer > 0 else None


def figure(outcome: dict[str, Any], name: str, measure: Measure) -> dict[str, float] | None:
    """Return the figure of a contender for a measure: median, lowest, quartiles, highest, repeats. None if there is none."""
    found: dict[str, float] | None = outcome["contenders"][name]["figures"].get(measure.key)
    return found


def median(outcome: dict[str, Any], name: str, measure: Measure) -> float | None:
    """Return the median of a contender for a measure, or None if there is none."""
    found = figure(outcome, name, measure)
    return None if found is None else found["median"]


def shown(outcome: dict[str, Any]) -> list[Measure]:
    """Return the measures that have a figure."""
    return [one for one in ALL if any(median(outcome, name, one) is not None for name in contenders(outcome))]


def contenders(outcome: dict[str, Any]) -> list[str]:
    """Return the names of the contenders, in order."""
    return list(outcome["contenders"])


def text(value: float | None, measure: Measure) -> str:
    """Return a figure as text: counts as integers, others with three digits."""
    if value is None:
        return "–"
    if measure.exact and value == int(value):
        return f"{value:.0f}"
    for limit, digits in ((10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def conditions(outcome: dict[str, Any]) -> list[str]:
    """Return the conditions of the run, as a list of paragraphs."""
    facts, effort, bundles = outcome["machine"], outcome["effort"], outcome["authorities"]
    versions = ", ".join(f"{name} {number}" for name, number in outcome["versions"].items())
    measured = (
        f"Measured on {outcome['date']} in one run, in which the contenders take turns. The figures are medians of {effort['fresh']} fresh "
        f"processes (imports, cold connects, memory), of {effort['imports']} (imports with the ORM or SQLAlchemy first) and of "
        f"{effort['processes'] * effort['warm']} batches in {effort['processes']} processes (the rest). The client verifies TLS and signs in "
        "with an IAM token. Files are those that Python opens, and shared libraries."
    )
    authorities = (
        f"All load the certificates of one region ({bundles['region']} including the test's): rdspool ships them, the others load AWS's bundle, which "
        f"is that of all regions where stated ({bundles['all']})."
    )
    machine = f"{facts['processor']}, {facts['cores']} cores, {facts['architecture']}, {facts['system']}, load {facts['load_before']:g} before the run; {versions}."
    meaning = (
        "Round trips are counted at the RDS front, without those of TCP. CPU time is that of the client's process only. "
        "Client and server run on one machine, so elapsed times contain no network latency."
    )
    paragraphs = [measured, authorities, machine, meaning, _under_quota(outcome)]
    return [*paragraphs, "This was a quick run with few repetitions, so the times are rough."] if outcome["quick"] else paragraphs


def _under_quota(outcome: dict[str, Any]) -> str:
    quota = outcome["quota"]
    if not quota["available"]:
        return f"There are no figures with a CPU quota: {quota['reason']}."
    rounds = " and ".join(
        f"{number} fresh processes with {quota['shares'][key]['memory_mb']:,} MB" for key, number in outcome["effort"]["quota"].items()
    )
    return (
        f"The figures with a share of a processor are medians of {rounds}, with batches of {outcome['effort']['quota_seconds']:g} s. Below "
        f"each is the range of the middle half of them. A control group limits CPU time, but not memory. The limit begins after the imports, because Lambda "
        f"does not limit init. A process whose share is used up waits for the next period of {quota['period_ms']:g} ms, so the times of "
        "single connects differ by about a period."
    )


def notes(outcome: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return for each contender its label, its set-up, and the class of its connection."""
    return [(one["label"], one["how"], one["driver"]) for one in outcome["contenders"].values()]
