"""What a run has found: a table of figures, and the survivors with the kind that each is of."""

from __future__ import annotations

import json
import platform
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from tests.mutation.mutants import LEFT_OUT, PACKAGE

HERE = Path(__file__).parent
FIGURES, SURVIVORS, KINDS = HERE / "figures.md", HERE / "survivors.toml", HERE / "kinds.toml"
NOTICED = ("killed", "timeout")
PACKAGES = ("cosmic-ray", "pytest", "hypothesis", "SQLAlchemy", "mysql-connector-python")


@dataclass
class Run:
    """The mutants of a run and how each ended."""

    chosen: list
    total: int
    seed: str | None
    results: dict
    seconds: float

    def share(self):
        """Return the share of the mutants that were noticed."""
        return sum(result[0] in NOTICED for result in self.results.values()) / len(self.results)

    def table(self):
        """Return the figures as a table in Markdown, and under it what was run."""
        counts = defaultdict(Counter)
        for mutant, (outcome, _, _) in self.results.items():
            counts[mutant.module][outcome] += 1
            counts["**all**"][outcome] += 1
        lines = ["| module | mutants | noticed | of them hung | survived | share |", "|---|--:|--:|--:|--:|--:|"]
        for module in sorted(counts, key=lambda name: (name == "**all**", name)):
            count = counts[module]
            noticed = count["killed"] + count["timeout"]
            whole = sum(count.values())
            lines.append(f"| {module} | {whole} | {noticed} | {count['timeout']} | {whole - noticed} | {noticed / whole:.1%} |")
        which = (
            f"a sample of {len(self.chosen)} of {self.total:,} mutants, seed {self.seed}" if self.seed else f"all {self.total:,} mutants"
        )
        versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        today = datetime.now(UTC).date()
        lines += [
            "",
            f"{today}: {which}, in {self.seconds / 60:.0f} minutes. Python {platform.python_version()}, rdspool {version('rdspool')}, {versions}.",
        ]
        lines += ["", *(f"Left out: `{name}` ({reason})." for name, reason in LEFT_OUT.items())]
        return "\n".join(lines) + "\n"

    def survivors(self):
        """Return each survivor's key, in the order of the source."""
        found = [mutant for mutant in self.chosen if self.results[mutant][0] not in NOTICED]
        found.sort(key=lambda mutant: (mutant.module, mutant.line, mutant.operator, mutant.occurrence))
        return list(dict.fromkeys(key(mutant, self.results[mutant]) for mutant in found))


def key(mutant, result):
    """Return what names a mutant as long as its line stays what it is."""
    return mutant.module, mutant.definition, result[1], result[2]


def known():
    """Return the kind of each survivor in the file, by its key."""
    if not SURVIVORS.exists():
        return {}
    listed = tomllib.loads(SURVIVORS.read_text()).get("survivor", [])
    return {(one["module"], one["in"], one["line"], one["mutant"]): one["kind"] for one in listed}


def explain(found, *, write):
    """Print the survivors that have no kind, and return their number. With `write` bring the file up to date."""
    before, kinds = known(), tomllib.loads(KINDS.read_text())
    now = {one: before.get(one, "") for one in found.survivors()}
    open_ones = [one for one, kind in now.items() if kind not in kinds]
    for module, definition, line, mutant in open_ones:
        click.echo(f"no kind: {module} {definition}\n    {line}\n    {mutant}")
    if write:
        ended = {key(mutant, result) for mutant, result in found.results.items()}
        code = {str(file.relative_to(PACKAGE)): file.read_text() for file in PACKAGE.rglob("*.py")}
        kept = {
            one: kind
            for one, kind in before.items()
            if one not in ended and all(line in code.get(one[0], "") for line in one[2].split("\n"))
        }
        _write_survivors(kept | now)
    return len(open_ones)


def _write_survivors(listed):
    parts = ["# Written by tests/mutation/run.sh --write; a kind is given by hand, and is kept. kinds.toml says what each means.\n"]
    for module, definition, line, mutant in sorted(listed):
        values = {"module": module, "in": definition, "line": line, "mutant": mutant, "kind": listed[module, definition, line, mutant]}
        parts.append("[[survivor]]\n" + "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items()))
    SURVIVORS.write_text("\n".join(parts))


def write(found):
    """Write the figures."""
    FIGURES.write_text(f"# How many mutants the unit tests notice\n\n`tests/mutation/run.sh --write` writes this.\n\n{found.table()}")
