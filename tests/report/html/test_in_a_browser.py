"""The page as a person sees it: in a real browser, on a phone and on a desk, by day and by night."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.html.page import render_html
from tests.report import hostile, reports
from tests.report.html.browser import NAMES, Browser, browser, found

pytestmark = pytest.mark.skipif(found() is None, reason=f"no browser on PATH: one of {', '.join(NAMES)}")

REPORTS = {
    **reports.ALL,
    "long": hostile.holding("x" * 300),
    "words": hostile.holding("<b>&amp; [link](http://e.vil) `code` ]]> </style></main>"),
}
PHONE, DESK = 360, 1200

CONTRASTS = """(() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const linear = (c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map((c) => linear(c / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  let count = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('svg')) continue;
    count += 1;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push([walker.currentNode.data.slice(0, 30), ratio]);
  }
  const heat = getComputedStyle(document.querySelector('.heat') || document.body).fill;
  const cell = getComputedStyle(document.querySelector('.cell') || document.body).fill;
  const [h, c] = [light(parse(heat)), light(parse(cell))];
  return {count, poor, marks: (Math.max(h, c) + 0.05) / (Math.min(h, c) + 0.05),
          page: light(behind(document.body)), text: document.body.innerText};
})()"""
"""The contrast of every piece of text, by the formula of WCAG 2 (relative luminance)."""

OVERFLOWING = """(() => {
  const width = document.documentElement.clientWidth;
  const own = (e) => e.closest('.scroll, pre');
  const out = [...document.body.querySelectorAll('*')].filter(
    (e) => !own(e) && e.getBoundingClientRect().right > width + 0.5);
  return {scroll: document.documentElement.scrollWidth, width, out: out.map((e) => e.outerHTML.slice(0, 80))};
})()"""


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def written(name: str, folder: Path) -> Path:
    file = folder / f"{name}.html"
    file.write_text(render_html(REPORTS[name], Ending()), encoding="utf-8")
    return file


def complaints(page: Browser) -> list[Any]:
    return page.heard("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")


@pytest.mark.parametrize("name", REPORTS)
def test_it_fits_a_phone_and_a_desk_and_complains_of_nothing(page: Browser, name: str, tmp_path: Path) -> None:
    file = written(name, tmp_path)
    for width in (320, PHONE, DESK):
        page.open(file, width)
        seen = page.evaluate(OVERFLOWING)
        assert (seen["scroll"], seen["width"], seen["out"]) == (width, width, [])
        assert complaints(page) == []
        assert [request["request"]["url"] for request in page.heard("Network.requestWillBeSent")] == [file.as_uri()]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["mixed", "failing", "dimensions", "hostile"])
def test_every_word_can_be_read(page: Browser, name: str, dark: bool, tmp_path: Path) -> None:
    page.open(written(name, tmp_path), PHONE, dark=dark)
    seen = page.evaluate(CONTRASTS)
    assert seen["count"] > 20
    assert seen["poor"] == []
    assert seen["page"] < 0.05 if dark else seen["page"] > 0.9
    if name == "failing":
        assert seen["marks"] >= 3  # WCAG's least for graphics


def test_a_poor_contrast_would_be_seen(page: Browser, tmp_path: Path) -> None:
    file = written("mixed", tmp_path)
    file.write_text(file.read_text().replace("--quiet: #555f6b", "--quiet: #aaaaaa"))
    page.open(file, PHONE)
    assert page.evaluate(CONTRASTS)["poor"] != []


def test_an_overflow_and_a_broken_script_would_be_seen(page: Browser, tmp_path: Path) -> None:
    file = written("mixed", tmp_path)
    file.write_text(file.read_text().replace("<main>", '<main><p style="width:900px">x</p><script>oops()</script>'))
    page.open(file, PHONE)
    assert page.evaluate(OVERFLOWING)["out"] != []
    assert any("Content Security Policy" in str(entry) for entry in complaints(page))


def test_the_words_are_there_on_a_phone(page: Browser, tmp_path: Path) -> None:
    page.open(written("mixed", tmp_path), PHONE)
    text = re.sub(r"\s+", " ", page.evaluate("document.body.innerText"))
    for part in (
        "gradcheck: 1 failed, 3 errors, 1 inconclusive, 1 passed",
        "✗ fail affine_twice",
        "6 of 30 elements of dw differ from the derivative",
        "Where it is wrong: 6 of 30 elements.",
        "GC503 unknown-shapes",
        "The function's own noise (3e-4) is larger than the derivative",
    ):
        assert part in text, part


def test_names_are_shown_letter_by_letter(page: Browser, tmp_path: Path) -> None:
    page.open(written("words", tmp_path), DESK)
    headings = page.evaluate("[...document.querySelectorAll('h2')].map((e) => e.innerText)")
    assert "✗ fail <b>&amp; [link](http://e.vil) `code` ]]> </style></main>" in headings
    assert page.evaluate("document.querySelectorAll('b, a[href^=http]').length") == 0


def test_maps_are_told_in_words_and_reached_by_keyboard(page: Browser, tmp_path: Path) -> None:
    page.open(written("failing", tmp_path), PHONE)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    told = [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in ("img", "image")]
    assert any(name.startswith("Where it is wrong: 6 of 30 elements. D (0 to 5) goes down") for name in told)
    scrolling = "[...document.querySelectorAll('.scroll, pre')].every((e) => e.tabIndex === 0)"
    assert page.evaluate(scrolling) is True


def test_the_map_is_seen(page: Browser, tmp_path: Path) -> None:
    page.open(written("failing", tmp_path), PHONE)
    box = page.evaluate(
        "(() => { const b = document.querySelector('svg').getBoundingClientRect(); return [b.width, b.height]; })()"
    )
    assert box == [130, 156]  # 5 by 6 cells of 26 pixels
    marks = page.evaluate("[...document.querySelectorAll('svg')][0].querySelectorAll('.heat').length")
    assert marks == 6
