"""The feed (Atom, RFC 4287) of the releases that are published as layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from .. import matrix
from .catalogue import Row
from .inventory import Entry

ATOM = "http://www.w3.org/2005/Atom"
NAME = "feed.atom"
"""The name of its file, beside the page of the catalogue."""


@dataclass(frozen=True, order=True)
class Published:
    """A layer of a release in a region. `created` is the time of its publication, in the form of ISO 8601."""

    release: str
    created: str
    region: str
    python: str
    architecture: str


def from_entries(entries: Iterable[Entry]) -> set[Published]:
    """Return the layers of all releases that have an SSM parameter of their own: `latest` and those before it."""
    return {
        Published(entry.listed.release, entry.listed.created, entry.region.name, entry.target.python, entry.target.architecture)
        for entry in entries
        if entry.listed.release and any(name.rpartition("/")[2] == entry.listed.release for name in entry.parameters)
    }


def from_rows(rows: Iterable[Row]) -> set[Published]:
    """Return the layers of the catalogue."""
    return {Published(row.release, row.created, row.region, row.python, row.architecture) for row in rows if row.release}


def as_atom(published: Iterable[Published], name: str, site: str | None = None) -> str:
    """Return the feed, with one entry per release, newest first.

    `name` is the beginning of the layers' names, such as rdspool-beta, and `site` the URL of the project's repository. Both are in the ids,
    which stay the same as long as they do. Raise ValueError when a time is not in the form of ISO 8601.
    """
    releases: dict[str, list[Published]] = {}
    for one in published:
        releases.setdefault(one.release, []).append(one)
    entries = sorted(((_time(members), release, members) for release, members in releases.items()), reverse=True)
    feed = ElementTree.Element("feed", xmlns=ATOM)
    _add(feed, "id", _id(site, name))
    _add(feed, "title", f"{name}: releases of the layer")
    _add(feed, "updated", entries[0][0])
    _add(_add(feed, "author"), "name", matrix.product())
    _add(feed, "link", rel="self", type="application/atom+xml", href=NAME)
    _add(feed, "link", rel="alternate", type="text/html", href="index.html")
    for updated, release, members in entries:
        entry = _add(feed, "entry")
        _add(entry, "id", _id(site, name, release))
        _add(entry, "title", f"{name} {release}")
        _add(entry, "updated", updated)
        _add(entry, "link", rel="alternate", type="text/html", href=f"{site}/releases/tag/v{release}" if site else "index.html")
        _add(entry, "content", _summary(members), type="text")
    ElementTree.indent(feed)
    return ElementTree.tostring(feed, "unicode", xml_declaration=True) + "\n"


def _add(parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _id(site: str | None, *names: str) -> str:
    return uuid5(NAMESPACE_URL, "/".join([site or matrix.product(), *names])).urn


def _time(members: list[Published]) -> str:
    """Return the time of the last publication, as RFC 3339 asks for."""
    return max(datetime.fromisoformat(one.created) for one in members).astimezone(UTC).isoformat(timespec="seconds")


def _summary(members: list[Published]) -> str:
    pythons, architectures = {one.python for one in members}, {one.architecture for one in members}
    ordered = [
        [name for name in matrix.names(kind) if name in there] for kind, there in (("python", pythons), ("architecture", architectures))
    ]
    regions = sorted({one.region for one in members})
    where = f"{len(regions)} regions" if len(regions) > 1 else regions[0]
    return f"Layers for Python {', '.join(ordered[0])} on {', '.join(ordered[1])} in {where}. The catalogue has their ARNs."
