"""Check that no package shadows one of the runtime."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import matrix
from ..building.wheels import normalise
from .finding import Contents, Finding

_SITE = re.compile(r"^(?:lib/python3\.\d+/site-packages/)?([^/]+)")


def shadows(contents: Contents) -> Iterator[Finding]:
    forbidden = {normalise(name) for name in matrix.forbidden()}
    seen = set()
    for path in contents.inside:
        match = _SITE.match(path)
        top = match[1] if match else path
        name = normalise(re.sub(r"(-[^-]+)?\.(dist-info|egg-info)$|\.py$", "", top))
        if name in forbidden and top not in seen:
            seen.add(top)
            yield Finding(
                "shadow",
                top,
                "is a package of the runtime: /opt/python comes first on sys.path, so every function with this layer would import this one",
            )
