"""What came of the runs: whether it is as expected.toml says, and the tables of README.md."""

import datetime as dt
import platform
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

from local.server import KINDS

DRIVERS = {"rdspool": "rdspool", "mysqlconnector": "stock (pure)"}
SERVERS = {"mysql": "MySQL", "mariadb": "MariaDB"}
ENDS = ("passed", "failed", "skipped", "xfailed")


@dataclass
class Run:
    """How each test of a suite ended, by name: passed, failed, skipped or xfailed (failed as the suite itself expects); and the reasons of the failures."""

    outcomes: dict[str, str]
    reasons: dict[str, str]
    status: int

    @property
    def counts(self):
        """How many tests ended each way."""
        return Counter(self.outcomes.values())

    @property
    def whole(self):
        """Whether pytest came to its end and tests passed, and no module was missing, which would void the comparison."""
        missing = any("ImportError" in reason or "ModuleNotFoundError" in reason for reason in self.reasons.values())
        return self.status in (0, 1) and self.counts["passed"] > 0 and not missing


@dataclass
class Outcome:
    """The two runs of a suite on one server."""

    suite: str
    title: str
    kind: str
    version: str
    ours: Run
    stock: Run

    def __str__(self):
        return f"{self.title}, {SERVERS[self.kind]} {self.version}"


@dataclass
class Expected:
    """What expected.toml says: `why` by suite, kind of server and test, and what explains stock's failures, by their messages."""

    tests: dict[tuple[str, str], dict[str, str]]
    stock: list[dict[str, str]]

    @classmethod
    def load(cls, file):
        """Read the file. Raises ValueError where it names a test twice."""
        told = tomllib.loads(file.read_text())
        tests = {}
        stock = told.pop("stock")
        for suite, entries in told.items():
            for entry in entries:
                for kind in [entry["server"]] if "server" in entry else KINDS:
                    known = tests.setdefault((suite, kind), {})
                    for name in entry["tests"]:
                        if name in known:
                            raise ValueError(f"expected.toml names {name} of {suite} twice")
                        known[name] = entry["why"]
        return cls(tests, stock)

    def of(self, outcome):
        """Return why tests of this suite are to fail on this server, by test."""
        return self.tests.get((outcome.suite, outcome.kind), {})

    def why(self, outcome, driver, test):
        """Return the reason of a failure, or of a skip, or the first line of its message where there is no other.

        A test of the list that stock fails with an error of the same kind has the same reason there.
        """
        listed = self.of(outcome).get(test)
        if driver == "rdspool" and listed:
            return listed
        ours, message = outcome.ours.reasons.get(test, ""), outcome.stock.reasons.get(test, "")
        if driver == "rdspool":
            return _first_line(ours)
        for entry in self.stock:
            if entry.get("suite", outcome.suite) == outcome.suite and re.search(entry["message"], message):
                return entry["why"]
        return listed if listed and _kind(message) == _kind(ours) else _first_line(message)


def _first_line(message):
    return f"`{message.partition(chr(10))[0][:160]}`"


def _kind(message):
    """Return the class of the error in a message of pytest."""
    return re.match(r"[\w.]*", message)[0]


def surprises(outcome, expected):
    """Return what expected.toml does not say: lines of text. A skip, or a failure that the suite expects, counts where stock has none."""
    ours, stock, listed = outcome.ours, outcome.stock, expected.of(outcome)
    found = []
    if not ours.whole or not stock.whole:
        found.append(f"pytest ended with {ours.status} and {stock.status}: a run is not whole")
    for name, end in ours.outcomes.items():
        worse = end == "failed" or (end != "passed" and stock.outcomes.get(name) != end)
        if worse and name not in listed:
            found.append(f"{name} {end}: {ours.reasons.get(name, 'with stock it is not')[:600]}")
        elif not worse and name in listed:
            found.append(f"{name} is in expected.toml, and {end}: take it out")
    found += [f"{name} did not run, which it did with stock" for name in stock.outcomes.keys() - ours.outcomes.keys()]
    found += [f"{name} is in expected.toml, and there is no such test" for name in listed.keys() - ours.outcomes.keys()]
    return [f"{outcome}: {text}" for text in found]


def differences(outcomes, expected):
    """Return a line for each test that ends in another way with rdspool than with stock."""
    lines = []
    for outcome in outcomes:
        ours, stock = outcome.ours.outcomes, outcome.stock.outcomes
        for test in sorted(ours.keys() | stock.keys()):
            if ours.get(test) != stock.get(test):
                driver = "rdspool" if ours.get(test) != "passed" else "mysqlconnector"
                why = expected.why(outcome, driver, test)
                lines.append(f"{outcome}: {test} {ours.get(test, 'absent')}, with stock {stock.get(test, 'absent')}: {why}")
    return lines


def markdown(outcomes, expected):
    """Return the tables of README.md: the counts, and the reasons of the failures."""
    return "\n\n".join((_counts(outcomes), _reasons(outcomes, expected), _measured()))


def _row(*cells):
    return f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in cells)} |"


def _counts(outcomes):
    lines = [_row("suite", "server", "driver", *ENDS), "|---|---|---|--:|--:|--:|--:|"]
    for outcome in outcomes:
        for driver, run in zip(DRIVERS.values(), (outcome.ours, outcome.stock), strict=True):
            lines.append(_row(outcome.title, f"{SERVERS[outcome.kind]} {outcome.version}", driver, *(run.counts[end] for end in ENDS)))
    return "\n".join(lines)


def _reasons(outcomes, expected):
    runs = [(driver, kind) for driver in DRIVERS for kind in KINDS if any(outcome.kind == kind for outcome in outcomes)]
    counts = {}
    for outcome in outcomes:
        for driver, run in zip(DRIVERS, (outcome.ours, outcome.stock), strict=True):
            for test, end in run.outcomes.items():
                if end == "failed" or (driver == "rdspool" and test in expected.of(outcome)):
                    its = counts.setdefault(outcome.title, {}).setdefault(expected.why(outcome, driver, test), Counter())
                    its[driver, outcome.kind] += 1
    head = [f"{DRIVERS[driver]}, {SERVERS[kind]}" for driver, kind in runs]
    lines = [_row("suite", "why tests do not pass", *head), "|---|---|" + "--:|" * len(runs)]
    for title, reasons in counts.items():
        for why, its in sorted(reasons.items(), key=lambda item: [-item[1][run] for run in runs]):
            lines.append(_row(title, why, *(its[run] for run in runs)))
    return "\n".join(lines)


def _measured():
    packages = ", ".join(f"{name} {version(name)}" for name in ("rdspool", "mysql-connector-python", "SQLAlchemy"))
    return f"`tests/peers/run.sh --write` on {dt.datetime.now(dt.UTC).date()}: {packages}, Python {platform.python_version()}."


def put(file, text):
    """Put the text between the marks of a file. Raises LookupError where it has none."""
    marked = re.compile(r"(<!-- figures:begin -->\n).*?(<!-- figures:end -->)", re.DOTALL)
    new, found = marked.subn(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", file.read_text())
    if not found:
        raise LookupError(f"{file.name} has no <!-- figures:begin --> and <!-- figures:end -->")
    file.write_text(new)
