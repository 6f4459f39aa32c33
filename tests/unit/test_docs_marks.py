"""Every block of code in the documentation is one that runs, is parsed, or says why not."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.docs_blocks import PAGES, READ, ROOT, RUN, SHOWN, all_blocks, blocks, programs


def test_there_are_pages_and_blocks_that_run():
    assert {Path("README.md"), Path("docs/index.md"), Path("docs/recipes.md")} <= {*PAGES}
    assert sum(len(programs(page)) for page in PAGES) > 10


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_block_has_a_language(page):
    for block in blocks(page):
        assert block.language in RUN | READ | SHOWN, block


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_merge_is_half_done(page):
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", (ROOT / page).read_text(), re.MULTILINE)


@pytest.mark.parametrize("block", [block for block in all_blocks() if block.language in READ], ids=str)
def test_json_is_json(block):
    json.loads(block.code)


def test_what_does_not_run_says_why(capsys):
    left = [block for block in all_blocks() if block.reason is not None]
    assert all(len(block.reason) > 10 and block.language in RUN for block in left)
    with capsys.disabled():
        lines = ["\nblocks of the documentation that do not run:", *(f"  {block}: {block.reason}" for block in left)]
        sys.stdout.write("\n".join(lines) + "\n")


def test_how_blocks_are_found():
    text = "\n".join(
        [
            "1. step",
            "",
            "    ```sql",
            "    SELECT 1",
            "    ```",
            "",
            '<!-- event: {"a": 1} -->',
            "```python",
            "import one",
            "",
            "    indented",
            "```",
            "<!-- not run: a reason -->",
            "text between",
            "```sh",
            "true",
            "```",
        ]
    )
    found = blocks(Path("a.md"), text)
    assert [(block.line, block.language, block.code, block.marks) for block in found] == [
        (4, "sql", "SELECT 1\n", {}),
        (9, "python", "import one\n\n    indented\n", {"event": '{"a": 1}'}),
        (16, "sh", "true\n", {}),
    ]


def test_code_without_a_fence_has_no_language():
    (found,) = blocks(Path("a.md"), "a text\n\n    ./build.sh\n    true\n\n- a list\n\n    its text\n")
    assert (found.line, found.language, found.code) == (3, "", "./build.sh\ntrue\n")
