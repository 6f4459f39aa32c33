"""Read JSON files that others may have written, such as those beside a zip: neither that they are JSON nor any type is taken for granted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import LayerError

LIMIT = 20_000_000
"""Maximum size in bytes. An SBOM has some 400 kB."""


@dataclass(frozen=True)
class Document:
    """A JSON object in a file, and what to do when it is not as it should be.

    Every method raises LayerError, with the file and the place, when something else is there than asked for.
    """

    path: Path
    content: dict[str, Any]
    remedy: str

    def text(self, *place: str | int) -> str:
        """Return the text at a place, given by the keys and indexes that lead to it."""
        found: str = self._typed(str, "a text", place)
        return found

    def number(self, *place: str | int) -> int:
        """Return the whole number at a place."""
        found: int = self._typed(int, "a number", place)
        return found

    def texts(self, *place: str | int) -> tuple[str, ...]:
        """Return the list of texts at a place."""
        found = self._typed(list, "a list", place)
        return tuple(self.text(*place, number) for number in range(len(found)))

    def objects(self, *place: str | int) -> list[dict[str, Any]]:
        """Return the list of objects at a place."""
        found = self._typed(list, "a list", place)
        return [self._typed(dict, "an object", (*place, number)) for number in range(len(found))]

    def has(self, *place: str | int) -> bool:
        """Return whether there is something at a place."""
        return self._at(place) is not None

    def _typed(self, kind: type[Any], name: str, place: tuple[str | int, ...]) -> Any:
        found = self._at(place)
        if not isinstance(found, kind):
            raise LayerError(f"{self.path} has not {name} at {'.'.join(map(str, place))}: {self.remedy}")
        return found

    def _at(self, place: tuple[str | int, ...]) -> Any:
        found: Any = self.content
        for key in place:
            try:
                found = found[key]
            except (TypeError, LookupError):
                return None
        return found


def read(path: Path, remedy: str = "build the layer again") -> Document:
    """Return the document in a file. Raise LayerError when the file can't be read, or is no JSON object. FileNotFoundError is left as it is."""
    try:
        if path.stat().st_size > LIMIT:
            raise LayerError(f"{path} has more than {LIMIT:,} bytes: {remedy}")
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise LayerError(f"{path} is not valid JSON ({error}): {remedy}") from error
    if not isinstance(content, dict):
        raise LayerError(f"{path} is not a JSON object: {remedy}")
    return Document(path, content, remedy)
