"""A real browser for the tests of pages, driven through WebDriver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver

import local.browser


@contextmanager
def chromium(*arguments: str) -> Iterator[webdriver.Remote]:
    """Run a browser whose log is kept, with these arguments beside its usual ones. `origin` says where it comes from."""
    with local.browser.start() as found:
        options = webdriver.ChromeOptions()
        options.binary_location = str(found.binary)
        for argument in (*found.arguments, *arguments):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Remote(found.address, options=options)
        driver.origin = found.origin
        # A remote WebDriver knows the standard's commands; these two are Chromium's own.
        driver.command_executor._commands["chromiumDevTools"] = ("POST", "/session/$sessionId/goog/cdp/execute")
        driver.command_executor._commands["chromiumLog"] = ("POST", "/session/$sessionId/se/log")
        yield driver
        driver.quit()
