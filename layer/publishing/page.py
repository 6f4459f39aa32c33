"""The catalogue as a self-contained HTML page: it needs no server, no network and no library."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from .. import matrix
from . import feed
from .catalogue import Row

_TEMPLATE = Path(__file__).with_name("page.html")
_POLICY = "docs/publishing.md"


def as_html(rows: Sequence[Row], site: str | None = None) -> str:
    """Return the page. Its content security policy allows only its own style and script, by their hashes.

    `site` is the URL of the project's repository; without it, the page names the file with the policy in place of a link.
    """
    text = _TEMPLATE.read_text(encoding="utf-8")
    values = {
        "FEED": feed.NAME,
        "POLICY": f'<a href="{escape(site)}/blob/main/{_POLICY}#policy">How long layers are kept</a>'
        if site
        else f"How long layers are kept: {_POLICY}",
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
    # With the roles: as blocks, in a narrow window, a browser would not take the elements for those of a table.
    facts = {"python": row.python, "architecture": row.architecture, "release": row.release}
    cells = "".join(f'<td role="cell" class="{name}">{escape(fact)}</td>' for name, fact in facts.items())
    name = escape(f"ARN for {row.region}, Python {row.python}, {row.architecture}")
    button = f'<button type="button" aria-label="Copy the {name}">Copy</button>'
    data = f'data-python="{escape(row.python)}" data-architecture="{escape(row.architecture)}"'
    return (
        f'<tr role="row" {data}><th role="rowheader" scope="row">{escape(row.region)}</th>{cells}'
        f'<td role="cell" class="arn"><code>{escape(row.arn)}</code></td><td role="cell" class="copy">{button}</td></tr>'
    )
