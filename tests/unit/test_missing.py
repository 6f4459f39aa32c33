"""A command that is started without the virtual environment says in one line what to run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from layer.matrix import PROJECT
from local.missing import explained

PLAIN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.mark.parametrize("module", ["layer", "local"])
def test_a_python_without_the_packages_says_which_command_installs_them(module):
    # -S: without site-packages.
    done = subprocess.run(
        [sys.executable, "-S", "-m", module, "--help"], cwd=PROJECT, env=PLAIN, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{module}: {sys.executable} has no package click: run ")
    command = shlex.split(line.partition(": run ")[2].partition(", then ")[0])
    assert command == ["bash", "-c", f". {PROJECT}/local/setup.sh; setup_venv"]
    assert line.endswith(f"/.venv/bin/python -m {module}")


def test_a_module_of_the_project_that_is_missing_is_a_fault_of_the_code_and_keeps_its_traceback():
    with pytest.raises(ModuleNotFoundError), explained("layer"):
        import layer.nowhere  # noqa: F401
