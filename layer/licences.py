"""What is said about the licences of a layer's contents: the notice inside it, and Lambda's LicenseInfo."""

from __future__ import annotations

from collections.abc import Iterable

from . import matrix, package
from .errors import LayerError
from .wheels import Wheel

LIMIT = 512
"""Characters that Lambda's LicenseInfo may have."""


def spdx(name: str) -> str:
    """Returns the SPDX expression of a package, by normalised name."""
    try:
        return matrix.licences()[name]["spdx"]
    except KeyError:
        raise LayerError(f"layer/matrix.toml does not state the licence of {name}: add [licence.{name}] with its spdx") from None


def info(wheels: Iterable[Wheel]) -> str:
    """Returns the text for LicenseInfo."""
    own = package.project()["name"]
    text = (
        f"{spdx(own)} ({own}). Bundles " + ", ".join(f"{w.name} ({spdx(w.name)})" for w in wheels) + ". Full texts in *.dist-info/licenses."
    )
    if len(text) > LIMIT:
        raise LayerError(f"LicenseInfo has {len(text)} characters, Lambda takes {LIMIT}: shorten it in layer/licences.py")
    return text


def notice(wheels: Iterable[Wheel]) -> str:
    """Returns the text of THIRD-PARTY-NOTICES.txt."""
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
