"""Loads rdspool, SQLAlchemy and mysql-connector-python of a layer from archives of compiled code. It exists in layers only.

The archive `base` has what an engine needs, `orm` has sqlalchemy.orm, `typing_extensions` that module. One read and one unmarshal replace
some 200 searches, reads and unmarshals of bytecode files. layer/building/imports builds the archives, for one Python, and changes code in them. The
sources lie in the layer as published, and the bytecode of what was changed lies beside them.

The bytecode of rdspool/__init__.py, sqlalchemy/__init__.py and mysql/__init__.py imports this module: whoever imports one of them first,
and from wherever, Python has then decided that it comes from the layer. RDSPOOL_IMPORTS=plain leaves changed code alone.
"""

from __future__ import annotations

import os
import sys

from .finder import Finder

PLAIN = os.environ.get("RDSPOOL_IMPORTS", "").lower() == "plain"

installed: Finder | None = None
"""The finder in sys.meta_path; None where this folder has no archives for this Python."""


def _install() -> None:
    """Put the finder before Python's own. Where the archives are for another Python, write one line to stderr."""
    global installed
    folder = os.path.dirname(os.path.abspath(__file__))
    if os.path.exists(f"{folder}/base.{sys.implementation.cache_tag}"):
        installed = Finder(folder, PLAIN)
        sys.meta_path.insert(0, installed)
        return
    others = sorted(name.removeprefix("base.") for name in os.listdir(folder) if name.startswith("base."))
    if others:
        sys.stderr.write(
            f"rdspool: the archives in {folder} are for {', '.join(others)}, not {sys.implementation.cache_tag}: using the sources\n"
        )


_install()
