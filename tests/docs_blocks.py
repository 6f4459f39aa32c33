"""Blocks of code in the documentation: what they are, and what a comment before one says of how it runs.

<!-- not run: REASON -->          it can't run here, and why
<!-- packages: FOLDER -->         it needs the packages of the lock tests/FOLDER/requirements.txt
<!-- event: JSON -->              the event for the block's handler; default: {}
<!-- variables: NAME=VALUE ... -->  environment variables for the block; $NAME is replaced
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    (path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))),
    key=lambda page: (page.name != "README.md", page),
)
"""The README comes first: a new user reads it first, in a clone in which nothing has run."""
RUN = {"python", "sh", "sql"}
"""Languages whose blocks run."""
READ = {"json"}
"""Languages whose blocks are parsed."""
SHOWN = {"text", "dockerfile", "ini", "yaml", "toml", "hcl", "http", "html", "xml"}
"""Languages of what somebody reads."""
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)(?P<more>.*)$")
_MARK = re.compile(r"^ *<!-- (?P<name>not run|packages|event|variables): (?P<value>.*) -->$")
_FILE = re.compile(r"# (?P<name>[\w/]+\.(?:py|ini|toml))$")
_INDENTED = re.compile(r"^ {4}\S")
_CONTAINER = re.compile(r"([-*]|\d+\.) |!!! |::: |<")
"""What has indented text that is no code."""


@dataclass(frozen=True)
class Block:
    """A block of code. `line` is that of its first line in the page."""

    page: Path
    line: int
    language: str
    code: str
    marks: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why the block is not run, None where it is."""
        return self.marks.get("not run")

    @property
    def file(self) -> str | None:
        """The file that the block is the content of, as its first line says."""
        found = _FILE.match(self.code.split("\n", 1)[0])
        return found["name"] if found else None


def blocks(page: Path, text: str | None = None) -> list[Block]:
    """Return the blocks of a page. Code that is only indented is a block without a language."""
    found: list[Block] = []
    marks: dict[str, str] = {}
    lines = ((ROOT / page).read_text() if text is None else text).splitlines()
    number, in_list = 0, False
    while number < len(lines):
        line = lines[number]
        fence, mark = _FENCE.match(line), _MARK.match(line)
        begin = number = number + 1
        if fence:
            while number < len(lines) and lines[number].strip() != "```":
                number += 1
            code = "".join(f"{inner.removeprefix(fence['indent'])}\n" for inner in lines[begin:number])
            found.append(Block(page, begin + 1, fence["language"], code, marks))
            number, marks = number + 1, {}
        elif mark:
            marks[mark["name"]] = mark["value"]
        elif _INDENTED.match(line) and not in_list:
            while number < len(lines) and _INDENTED.match(lines[number]):
                number += 1
            found.append(Block(page, begin, "", "".join(f"{inner[4:]}\n" for inner in lines[begin - 1 : number]), marks))
            marks = {}
        elif line.strip():
            marks = {}
            if not line.startswith(" "):
                in_list = bool(_CONTAINER.match(line))
    return found


def all_blocks() -> list[Block]:
    """Return the blocks of all pages."""
    return [block for page in PAGES for block in blocks(page)]


def programs(page: Path) -> list[list[Block]]:
    """Return the Python blocks of a page that run, by program: a block that begins with an import begins a new one."""
    found: list[list[Block]] = []
    for block in blocks(page):
        if block.language == "python" and block.reason is None and block.file is None:
            if not found or re.match(r"(from|import) ", block.code):
                found.append([])
            found[-1].append(block)
    return found
