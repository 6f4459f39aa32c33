"""MariaDB Connector/C from Debian, and the environment that compiles a driver against it with the pinned compiler.

Nothing is installed on the machine: Debian's packages are unpacked in the cache (local/debian.sh).
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from local import cache
from local.errors import LocalError

_SUITES = {"3.13": "trixie", "3.14": "sid"}
"""Debian's suite of a Python, as in local/python.sh."""


def root() -> Path:
    """Return the folder with Connector/C, its plugins and its headers, of this machine's Debian. Raise LocalError when it is missing."""
    return cache.debian("host", "connector-c", "libmariadb-dev")


def libraries() -> Path:
    """Return the folder with the shared library."""
    (library,) = root().glob("usr/lib/*/libmariadb.so.3")
    return library.parent


def plugins() -> Path:
    """Return the folder of Connector/C's plugins. One of them sends clear passwords, such as tokens."""
    return libraries() / "libmariadb3" / "plugin"


def version() -> str:
    """Return the version of Connector/C."""
    lines = (libraries() / "pkgconfig" / "libmariadb.pc").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("Version:"))


def variables(compiler: Path, folder: Path) -> Mapping[str, str]:
    """Return the environment variables that pip needs to compile drivers on Connector/C. Temporary files go to `folder`.

    `compiler` is a folder with the package ziglang. Raise LocalError when Python's headers are missing.
    """
    flags = f"-I{root() / 'usr' / 'include' / 'mariadb'}"
    link = f"-L{libraries()} -lmariadb"
    cc = f"{compiler / 'ziglang' / 'zig'} cc"
    return {
        "CC": cc,
        "LDSHARED": f"{cc} -shared",
        "CFLAGS": f"-O2 -DNDEBUG -w {_python_headers()}",
        "LDFLAGS": f"-Wl,-rpath,{libraries()}",
        "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig"),
        "MYSQLCLIENT_CFLAGS": flags,
        "MYSQLCLIENT_LDFLAGS": link,
        "MARIADB_CONFIG": str(_config(folder, flags, link)),
    }


def _config(folder: Path, flags: str, link: str) -> Path:
    """Write a `mariadb_config`: Debian's has the paths of an installed Connector/C."""
    answers = {"cc_version": version(), "include": flags, "libs": link, "libs_sys": "", "plugindir": str(plugins())}
    script = folder / "mariadb_config"
    cases = "".join(f"  --{option}) echo '{answer}' ;;\n" for option, answer in answers.items())
    script.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}esac\n')
    script.chmod(0o755)
    return script


def _python_headers() -> str:
    """Return the compiler's options for Python's headers. Debian has them in a separate package, which is unpacked where it is missing."""
    if Path(sysconfig.get_path("include"), "Python.h").is_file():
        return ""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python not in _SUITES:
        raise LocalError(
            f"this Python {python} has no headers, which mysqlclient and mariadb are compiled with: install its development package"
        )
    include = cache.debian(_SUITES[python], f"python{python}-headers", f"libpython{python}-dev") / "usr" / "include"
    # Debian's pyconfig.h includes that of the architecture. The other headers there are those of another C library.
    return f"-I{include / f'python{python}'} -idirafter {include}"
