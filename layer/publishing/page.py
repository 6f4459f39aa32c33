"""The catalogue as a self-contained HTML page: it needs no server, no network and no library."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from .. import matrix
from .catalogue import Row

_TEMPLATE = Path(__file__).with_name("page.html")


def as_html(rows: Sequence[Row]) -> str:
    """Return the page. Its content security policy allows only its own style and script, by their hashes."""
    text = _TEMPLATE.read_text(encoding="utf-8")
    values = {
        "PRODUCT": escape(matrix.product()),
        "PYTHONS": _options({row.python for row in rows}, matrix.names("python")),
        "ARCHITECTURES": _options({row.architecture for row in rows}, matrix.names("architecture")),
        "ROWS": "\n".join(map(_row, rows)),
        "COUNT": str(len(rows)),
        "STYLE_HASH": _hash(text, "style"),
        "SCRIPT_HASH": _hash(text, "script"),
    }
    return re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], text)


def _hash(text: str, element: str) -> str:
    content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    if not content:
        raise AssertionError(f"{_TEMPLATE} has no {element}")
    return "sha256-" + base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()


def _options(there: set[str], order: Sequence[str]) -> str:
    return "".join(f"<option>{escape(name)}</option>" for name in order if name in there)


def _row(row: Row) -> str:
    facts = (row.region, row.python, row.architecture, row.release)
    cells = "".join(f"<td>{escape(fact)}</td>" for fact in facts)
    name = escape(f"ARN for {row.region}, Python {row.python}, {row.architecture}")
    button = f'<button type="button" aria-label="Copy the {name}">Copy</button>'
    data = f'data-python="{escape(row.python)}" data-architecture="{escape(row.architecture)}"'
    return f"<tr {data}>{cells}<td><code>{escape(row.arn)}</code></td><td>{button}</td></tr>"
