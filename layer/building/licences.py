"""The licence texts of a layer: THIRD-PARTY-NOTICES.txt inside it, and Lambda's LicenseInfo."""

from __future__ import annotations

from collections.abc import Iterable

from .. import matrix
from ..errors import LayerError
from . import package
from .wheels import Wheel

LIMIT = 512
"""Maximum length of Lambda's LicenseInfo, in characters."""


def spdx(name: str) -> str:
    """Return the SPDX expression of a package. `name` is normalised (PEP 503). Raise LayerError when layer/matrix.toml has none."""
    try:
        return matrix.licences()[name]["spdx"]
    except KeyError:
        raise LayerError(f"layer/matrix.toml does not state the licence of {name}: add [licence.{name}] with its spdx") from None


def cpe(name: str, version: str | None) -> str | None:
    """Return the CPE 2.3 name of a package, or None when layer/matrix.toml has none. `name` is normalised (PEP 503)."""
    product = matrix.licences().get(name, {}).get("cpe")
    return f"{product}:{version}:*:*:*:*:*:*:*" if product else None


def info(wheels: Iterable[Wheel]) -> str:
    """Return the text for LicenseInfo. Raise LayerError when it is longer than LIMIT."""
    own = package.project()["name"]
    text = (
        f"{spdx(own)} ({own}). Bundles " + ", ".join(f"{w.name} ({spdx(w.name)})" for w in wheels) + ". Full texts in *.dist-info/licenses."
    )
    if len(text) > LIMIT:
        raise LayerError(f"LicenseInfo has {len(text)} characters, Lambda accepts {LIMIT}: shorten it in layer/building/licences.py")
    return text


def notice(wheels: Iterable[Wheel]) -> str:
    """Return the text of THIRD-PARTY-NOTICES.txt."""
    own = package.project()
    about = (
        f"{own['name']} {own['version']} is licensed under {spdx(own['name'])}. This Lambda layer distributes it together with the\n"
        "following packages. Each keeps its own licence, whose full text is in the licenses folder of its dist-info.\n"
        "They are unchanged, except that files which are not needed were left out, extension modules were stripped of debug\n"
        "information, and sources were compiled to bytecode.\n"
    )
    parts = [about]
    for wheel in wheels:
        lines = [f"{wheel.name} {wheel.version}", f"Licence: {spdx(wheel.name)}", f"Wheel: {wheel.path.name}", f"SHA-256: {wheel.sha256}"]
        note = matrix.licences()[wheel.name].get("note")
        parts.append("\n".join([*lines, note] if note else lines) + "\n")
    parts.append(
        "Certificates in rdspool/_aws/roots are Amazon's (RDS) and Amazon Trust Services' (RDS Proxy); see index.json there for their sources.\n"
    )
    return "\n".join(parts)
