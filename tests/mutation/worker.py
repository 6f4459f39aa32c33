"""Runs chosen tests over and over, each time in a fork that has imported all but rdspool: `python -m tests.mutation.worker`.

Reads one job a line from standard input, {"tests": [...], "seconds": 9.0}, and answers with one line: {"outcome": ..., "told": ...}. Its
working directory is a copy of the tree. Whatever a mutant has started is ended with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

import pytest
from hypothesis import Phase, settings

MEMORY = 4 << 30
"""Bytes that a mutant may take: one that never stops to collect must not take the machine's."""
EXAMPLES = 25
"""Examples of a property. The same ones each time, so that a mutant's end does not hang on chance."""
PR_SET_CHILD_SUBREAPER = 36


class Chosen:
    """pytest's plugin that leaves the chosen tests, in their order."""

    def __init__(self, tests):
        self._place = {test: place for place, test in enumerate(tests)}
        # A mutant can change the parameters of a test, and so its name.
        self._functions = {test.partition("[")[0] for test in tests}

    def pytest_sessionstart(self):
        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutation", settings(), max_examples=EXAMPLES, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items):
        known = {item.nodeid for item in items}
        lost = {test.partition("[")[0] for test in self._place if test not in known} & self._functions
        items[:] = [item for item in items if item.nodeid in self._place or item.nodeid.partition("[")[0] in lost]
        items.sort(key=lambda item: self._place.get(item.nodeid, 0))


def run(tests, scratch):
    """Run the tests in this process, a fork, and end it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with open(scratch / "output", "wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ["TMPDIR"] = str(scratch)
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    options = [
        "-x",
        "-q",
        "--tb=line",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        f"--basetemp={scratch / 'tmp'}",
    ]
    status = 1
    try:
        status = pytest.main([*options, *files], plugins=[Chosen(tests)])
        package = sys.modules.get("rdspool")
        assert package is None or Path(package.__file__).is_relative_to(Path.cwd()), package
    except BaseException:  # noqa: BLE001 - it is told, and the fork ends either way
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(status))


def outcome_of(process, seconds):
    """Wait for the fork, `seconds` at most, and return how it ended."""
    end = time.monotonic() + seconds
    wait = 0.005
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            if code == pytest.ExitCode.NO_TESTS_COLLECTED:
                return "none"
            return "survived" if code == 0 else "killed"
        time.sleep(wait)
        wait = min(wait * 1.5, 0.05)
    return "timeout"


def end_all():
    """End every process that descends from this one: those whose parent has ended are this one's children."""
    while True:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        if not children:
            return
        for child in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    scratch = Path(sys.argv[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in json.loads(sys.argv[2]):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    assert not any(name.partition(".")[0] == "rdspool" for name in sys.modules), "rdspool is imported before its mutants are"
    for line in sys.stdin:
        job = json.loads(line)
        process = os.fork()
        if not process:
            run(job["tests"], scratch)
        outcome = outcome_of(process, job["seconds"])
        end_all()
        told = (scratch / "output").read_text(errors="replace") if (scratch / "output").exists() else ""
        shutil.rmtree(scratch / "tmp", ignore_errors=True)
        sys.stdout.write(json.dumps({"outcome": outcome, "told": told[-2000:]}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
