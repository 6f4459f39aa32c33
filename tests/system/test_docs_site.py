"""The documentation site in a real browser: no page is wider than a phone, none reports an error, and nothing comes from another host."""

from __future__ import annotations

import functools
import http.server
import subprocess
import threading
from pathlib import Path

import pytest

from tests.browsing import chromium
from tests.docs_blocks import ROOT

PAGES = sorted(path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md"))
NARROW, WIDE = 360, 1440
"""Widths in pixels of CSS."""
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the site, as docs/run.sh builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([ROOT / "docs/run.sh", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


def tools(browser, command, **parameters):
    return browser.execute("chromiumDevTools", {"cmd": command, "params": parameters})["value"]


def opened(browser, address, width, scheme):
    """Open a page, as a reader who comes for the first time."""
    tools(browser, "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width == NARROW)
    tools(browser, "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.get(address)
    browser.execute_script("localStorage.clear()")
    browser.get(address)


def address_of(site, page):
    return f"{site}/" if page == Path("index") else f"{site}/{page}/"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page(site, browser, page):
    for width in (NARROW, WIDE):
        for scheme in SCHEMES:
            opened(browser, address_of(site, page), width, scheme)
            wide = browser.execute_script(
                """
                const width = document.documentElement.clientWidth;
                const scrolls = (one) => one && (["auto", "scroll", "hidden"].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
                const beyond = [...document.querySelectorAll(".md-content *")].filter(
                    (one) => one.getBoundingClientRect().right > width + 1 && !scrolls(one.parentElement));
                return [document.documentElement.scrollWidth - width, beyond.map((one) => one.outerHTML.slice(0, 80))];
                """
            )
            assert wide == [0, []], (width, scheme)
            resources = browser.execute_script('return performance.getEntriesByType("resource").map((one) => one.name)')
            assert resources
            assert all(name.startswith((site, "data:")) for name in resources), resources
            images = browser.execute_script(
                "return [...document.images].filter((one) => one.complete && !one.naturalWidth).map((one) => one.src)"
            )
            assert images == []
            colour = browser.execute_script('return getComputedStyle(document.body).getPropertyValue("--md-default-bg-color")')
            assert colour, "the theme's style is there"
            scheme_of_page = browser.execute_script("return document.body.dataset.mdColorScheme")
            assert scheme_of_page == {"light": "default", "dark": "slate"}[scheme]
    assert browser.execute("chromiumLog", {"type": "browser"})["value"] == []
