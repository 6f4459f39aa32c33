"""MkDocs hooks: links from the pages to files of the tree that are not pages.

Pages link to them relatively, as `../examples/README.md`, so that the same text works where the repository is browsed. In the site, an image
is copied, and another file becomes a link to the repository's page where DOCS_REPOSITORY (its URL) is set, and plain text elsewhere.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>(?:\.\./)+[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")
_IMAGES = "assets/tree"
"""The folder of the copied images in the site."""


def on_page_markdown(markdown: str, *, page: Page, config: Any, files: Files) -> str:
    """Return the page's text with links that lead to something in the site. Raise PluginError for a link to a file that is not there."""
    folder = posixpath.dirname(f"docs/{page.file.src_uri}")

    def replaced(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, link["target"]))
        if path.startswith("docs/"):
            return link[0]
        if not (_ROOT / path).exists():
            raise PluginError(f"docs/{page.file.src_uri} links to {path}, which does not exist")
        if link["image"]:
            copied = f"{_IMAGES}/{path}"
            if files.get_file_from_path(copied) is None:
                files.append(File.generated(config, copied, abs_src_path=str(_ROOT / path)))
            return f"![{link['text']}]({posixpath.relpath(copied, posixpath.dirname(page.file.src_uri) or '.')})"
        repository = os.environ.get("DOCS_REPOSITORY")
        if repository:
            return f"[{link['text']}]({repository.rstrip('/')}/blob/main/{path}{link['anchor'] or ''})"
        return (
            link["text"]
            if "`" in link["text"] or link["text"].rstrip("/") == path or path.startswith(link["text"])
            else f"{link['text']} (`{path}`)"
        )

    return _LINK.sub(replaced, markdown)
