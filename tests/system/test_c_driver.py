"""The C driver: the same tests of connections, run once more in a process that loads its extension before the ssl module."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FILES = [
    "test_connect.py",
    "test_round_trips.py",
    "test_transactions.py",
    "test_losses.py",
    "test_ahead.py",
    "test_types.py",
    "test_in_step.py",
]


def run(code, *arguments, **variables):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=HERE.parents[1],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_the_tests_of_connections_pass_with_the_c_driver():
    code = "import _mysql_connector, sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    done = run(
        code,
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not pure",
        *(str(HERE / file) for file in FILES),
        RDSTESTS_DRIVER="c",
        RDSPOOL_DRIVER="c",
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_a_c_driver_that_cannot_load_is_an_error(tmp_path):
    """Never a silent change to the pure one."""
    (tmp_path / "_mysql_connector.py").write_text("raise ImportError('version OPENSSL_3.2.0 not found')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from rdspool import get_engine, SettingsError\n"
        "try: get_engine(host='db.c1abc.eu-central-1.rds.amazonaws.com', user='app')\n"
        "except SettingsError as error: print(error)"
    )
    done = run(code, RDSPOOL_DRIVER="c")
    assert "RDSPOOL_DRIVER is 'c'" in done.stdout, done.stderr
    assert "OPENSSL_3.2.0" in done.stdout


def test_the_variable_loads_the_extension_before_ssl():
    code = (
        "import sys; before = 'ssl' in sys.modules; import rdspool\n"
        "names = list(sys.modules); print(before, names.index('_mysql_connector') < names.index('ssl'))"
    )
    assert run(code, RDSPOOL_DRIVER="c").stdout.split() == ["False", "True"]
