"""The catalogue's page in a real browser: search, filters, copying, both colour schemes, nothing from elsewhere."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from layer import matrix
from layer.publishing import feed
from layer.publishing.catalogue import Row
from layer.publishing.page import as_html
from layer.publishing.stages import stage
from tests.browsing import chromium

PROD = stage("prod")
SITE = "https://code.example/owner/rdspool"
CREATED = "2026-11-25T10:00:00.000+0000"
REGIONS = [(region, name) for name, each in matrix.partitions().items() for region in each.all_regions]


def row(region: str, partition: str, target: matrix.Target) -> Row:
    layer, facts = PROD.layer(target), (target.python, target.architecture)
    arn = f"arn:{partition}:lambda:{region}:123456789012:layer:{layer}:7"
    return Row(region, partition, *facts, "1.2.3", 7, arn, "x" * 43 + "=", PROD.parameter(target, "latest"), "123456789012", CREATED)


ROWS = sorted(row(*region, target) for region in REGIONS for target in matrix.targets())


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(as_html(ROWS, SITE), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium("--window-size=1280,900") as driver:
        yield driver


@pytest.fixture
def opened(browser, page, record_property):
    record_property("browser", f"{browser.capabilities['browserVersion']}, {browser.origin}")
    browser.get(page.as_uri())
    yield browser
    # A script or style that the policy refused, or any other error, would be here.
    assert browser.execute("chromiumLog", {"type": "browser"})["value"] == []


def shown(driver) -> list[str]:
    return driver.execute_script('return [...document.querySelectorAll("#rows tr:not([hidden]) code")].map((code) => code.textContent)')


def status(driver) -> str:
    return driver.find_element(By.ID, "status").text


def media(driver, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute("chromiumDevTools", {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}})


def test_all_layers_are_shown_at_first(opened):
    assert shown(opened) == [row.arn for row in ROWS]
    assert status(opened) == f"{len(ROWS)} layers"


def test_search_takes_words_in_any_order_and_says_how_many_are_left(opened):
    opened.find_element(By.ID, "search").send_keys("ARM64 eu-central-1 3.14")
    assert shown(opened) == [row.arn for row in ROWS if (row.region, row.architecture, row.python) == ("eu-central-1", "arm64", "3.14")]
    assert status(opened) == "1 layer"
    opened.find_element(By.ID, "search").send_keys(" nowhere")
    assert shown(opened) == []
    assert status(opened) == "No layer matches: use fewer search words"


def test_filters_and_search_hold_together(opened):
    Select(opened.find_element(By.ID, "python")).select_by_visible_text("3.12")
    Select(opened.find_element(By.ID, "architecture")).select_by_visible_text("x86_64")
    opened.find_element(By.ID, "search").send_keys("us-west-2")
    assert shown(opened) == ["arn:aws:lambda:us-west-2:123456789012:layer:rdspool-python3_12-x86_64:7"]
    assert status(opened) == "1 layer"


def test_the_button_copies_the_arn_and_says_so(opened, page):
    for permission in ("clipboardReadWrite", "clipboardSanitizedWrite"):
        opened.execute("chromiumDevTools", {"cmd": "Browser.grantPermissions", "params": {"permissions": [permission]}})
    button = opened.find_element(By.CSS_SELECTOR, f'button[aria-label^="Copy the ARN for {ROWS[30].region}, Python {ROWS[30].python}"]')
    arn = button.find_element(By.XPATH, "ancestor::tr//code").text
    button.click()
    WebDriverWait(opened, 5).until(lambda driver: status(driver) == f"Copied {arn}")
    assert button.text == "Copied"
    search = opened.find_element(By.ID, "search")
    search.send_keys(Keys.CONTROL, "v")
    assert search.get_property("value") == arn
    WebDriverWait(opened, 5).until(lambda _: button.text == "Copy")


def test_the_keyboard_is_enough(opened):
    opened.find_element(By.ID, "search").send_keys("eu-west-3 arm64 3.13")
    arn = shown(opened)[0]
    # Two filters lie between.
    for _ in range(3):
        opened.switch_to.active_element.send_keys(Keys.TAB)
    focused = opened.switch_to.active_element
    assert focused.get_attribute("aria-label") == "Copy the ARN for eu-west-3, Python 3.13, arm64"
    focused.send_keys(Keys.ENTER)
    WebDriverWait(opened, 5).until(lambda driver: status(driver) == f"Copied {arn}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it_in_both_schemes(opened, scheme):
    media(opened, scheme)
    background = luminance(opened.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert (background > 0.5) == (scheme == "light")
    for selector in ("h1", "p", "label", "th", "td", "code", "button", "#status"):
        for_text, behind = opened.execute_script(
            """
            let element = document.querySelector(arguments[0]);
            const colour = getComputedStyle(element).color;
            while (element && getComputedStyle(element).backgroundColor === "rgba(0, 0, 0, 0)") element = element.parentElement;
            return [colour, getComputedStyle(element || document.body).backgroundColor];
            """,
            selector,
        )
        first, second = sorted((luminance(for_text), luminance(behind)), reverse=True)
        assert (first + 0.05) / (second + 0.05) >= 4.5, (selector, scheme)


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG."""
    channels = [int(channel) / 255 for channel in re.findall(r"\d+", colour)[:3]]
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_control_has_a_name_and_every_column_and_row_a_head(opened):
    assert opened.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    for control in opened.find_elements(By.CSS_SELECTOR, "input, select, #rows tr:first-child button"):
        assert control.accessible_name, control.get_attribute("outerHTML")
    assert opened.find_element(By.TAG_NAME, "table").accessible_name == "The current layer versions, by region, Python and architecture"
    heads = opened.find_elements(By.CSS_SELECTOR, 'thead th[scope="col"]')
    cells = opened.find_elements(By.CSS_SELECTOR, "#rows tr:first-child > *")
    assert [head.text for head in heads] == ["Region", "Python", "Architecture", "Release", "ARN", "Copy"]
    assert [cell.aria_role for cell in cells] == ["rowheader", *["cell"] * 5]
    assert [row.accessible_name for row in opened.find_elements(By.CSS_SELECTOR, '#rows th[scope="row"]')][:1] == [ROWS[0].region]
    assert opened.find_element(By.ID, "status").aria_role == "status"


def test_the_header_of_the_table_stays_when_the_page_scrolls(opened):
    opened.execute_script('document.querySelectorAll("#rows tr")[100].scrollIntoView()')
    assert opened.execute_script("return scrollY") > 1000
    tops, uppermost = opened.execute_script(
        """
        const heads = [...document.querySelectorAll("thead th")];
        const boxes = heads.map((head) => head.getBoundingClientRect());
        const there = (box) => document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        return [boxes.map((box) => box.top), boxes.map((box, number) => there(box) === heads[number])];
        """
    )
    assert (tops, uppermost) == ([0] * 6, [True] * 6)


def test_the_filter_is_in_the_address_and_stays_when_the_page_is_loaded_again_or_shared(opened, page):
    opened.find_element(By.ID, "search").send_keys("eu- & west")
    Select(opened.find_element(By.ID, "python")).select_by_visible_text("3.14")
    Select(opened.find_element(By.ID, "architecture")).select_by_visible_text("arm64")
    address, left = opened.current_url, shown(opened)
    assert address == f"{page.as_uri()}#search=eu-+%26+west&python=3.14&architecture=arm64"
    opened.find_element(By.ID, "search").clear()
    opened.find_element(By.ID, "search").send_keys("eu-west")
    address, left = opened.current_url, shown(opened)
    assert left == [row.arn for row in ROWS if (row.region[:7], row.python, row.architecture) == ("eu-west", "3.14", "arm64")]
    opened.refresh()
    assert (opened.current_url, shown(opened)) == (address, left)
    opened.switch_to.new_window("tab")
    try:
        opened.get(address)
        assert shown(opened) == left
        assert opened.find_element(By.ID, "search").get_property("value") == "eu-west"
        # Another one in the same tab, without loading the page again.
        opened.get(f"{page.as_uri()}#python=3.12&architecture=none")
        assert shown(opened) == [row.arn for row in ROWS if row.python == "3.12"]
        assert opened.find_element(By.ID, "architecture").get_property("value") == ""
    finally:
        opened.close()
        opened.switch_to.window(opened.window_handles[0])
    opened.find_element(By.ID, "search").clear()
    for name in ("python", "architecture"):
        Select(opened.find_element(By.ID, name)).select_by_visible_text("all")
    assert (opened.current_url, len(shown(opened))) == (page.as_uri(), len(ROWS))


@pytest.fixture
def narrow(opened):
    """Return the page in a window that is 360 pixels wide, as on a small phone."""
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    opened.execute("chromiumDevTools", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})
    opened.refresh()
    assert opened.execute_script("return innerWidth") == 360
    yield opened
    opened.execute("chromiumDevTools", {"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}})


def test_arn_and_button_are_reached_without_scrolling_sideways_in_360_pixels(narrow):
    assert narrow.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    outside = narrow.execute_script(
        """
        return [...document.querySelectorAll("#rows code, #rows button, #rows th, form *, p")].filter((element) => {
          const box = element.getBoundingClientRect();
          return box.width === 0 ? element.matches("#rows *") : box.left < 0 || box.right > document.documentElement.clientWidth;
        }).map((element) => element.outerHTML);
        """
    )
    assert outside == []
    row = narrow.find_elements(By.CSS_SELECTOR, "#rows tr")[100]
    narrow.execute_script("arguments[0].scrollIntoView({block: 'center'})", row)
    button, code = row.find_element(By.TAG_NAME, "button"), row.find_element(By.TAG_NAME, "code")
    for element in (button, code):
        assert narrow.execute_script(
            """
            const box = arguments[0].getClientRects()[0];
            return document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2) === arguments[0];
            """,
            element,
        )
    button.click()
    WebDriverWait(narrow, 5).until(lambda driver: status(driver) == f"Copied {code.text}")


def test_the_table_stays_one_for_screen_readers_in_360_pixels(narrow):
    assert narrow.find_element(By.TAG_NAME, "table").aria_role == "table"
    row = narrow.find_element(By.CSS_SELECTOR, "#rows tr")
    assert row.aria_role == "row"
    assert [cell.aria_role for cell in row.find_elements(By.CSS_SELECTOR, "*:is(th, td)")] == ["rowheader", *["cell"] * 5]
    assert [head.aria_role for head in narrow.find_elements(By.CSS_SELECTOR, "thead th")] == ["columnheader"] * 6


def test_it_leads_to_the_feed_and_to_the_policy(opened, page):
    links = [link.get_attribute("href") for link in opened.find_elements(By.CSS_SELECTOR, "p a")]
    assert links == [f"{page.parent.as_uri()}/{feed.NAME}", f"{SITE}/blob/main/docs/publishing.md#policy"]
    alternate = opened.find_element(By.CSS_SELECTOR, 'link[rel="alternate"][type="application/atom+xml"]')
    assert alternate.get_attribute("href") == links[0]
    assert re.search(r"^## Policy$", (matrix.PROJECT / "docs" / "publishing.md").read_text(), re.MULTILINE)
    assert "How long layers are kept: docs/publishing.md." in as_html(ROWS)


def test_the_page_asks_for_nothing_from_elsewhere(opened, page):
    assert opened.execute_script('return performance.getEntriesByType("resource").length') == 0
    text = page.read_text().replace(f'<a href="{SITE}', "")
    assert not re.search(r"https?://|//cdn|@import|url\(", text)


def test_what_a_name_holds_is_text_and_not_markup():
    odd = Row("<b>eu", "aws", "3.13", "x86_64", "1", 1, 'arn"><script>alert(1)</script>', "", "", "", CREATED)
    text = as_html([odd])
    assert "<b>eu" not in text
    assert text.count("<script>") == 1
