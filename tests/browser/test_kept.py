"""Nothing is lost: reloads, closed tabs, crashes and second tabs, with the browser's own storage."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from .conftest import Server
from .workbench import CLASS, Studio, specs, spot

pytestmark = pytest.mark.browser


WRITTEN = """() => new Promise((resolve) => {
  indexedDB.open("groupdnet-studio", 1).onsuccess = ({ target: { result: database } }) => {
    database.transaction("sessions").objectStore("sessions").getAll().onsuccess = ({ target: { result: rows } }) => {
      database.close();
      resolve(Math.max(...rows.map(({ time }) => time)));
    };
  };
})"""


# One stroke ends and the next begins before the page has time for anything else.
AT_ONCE = """(frame, events) => {
  const mouse = { pointerId: 1, pointerType: "mouse", button: 0, buttons: 1 };
  for (const [type, clientX, clientY] of events)
    frame.dispatchEvent(new PointerEvent(type, { ...mouse, clientX, clientY }));
}"""


def kept(studio: Studio) -> None:
    """Wait until nothing more is written."""
    studio.settle()
    before, now = 0, studio.page.evaluate(WRITTEN)
    while now != before:
        studio.page.wait_for_timeout(1000)
        before, now = now, studio.page.evaluate(WRITTEN)


def work(studio: Studio) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """Paint, roll, lock; the labels, the picture and the style that came of it."""
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    studio.stroke_and_wait((x, y))
    studio.click_and_wait(f"[data-dice='{CLASS['sky']}']")
    studio.page.locator(f"[data-chip='{CLASS['sky']}']").hover()
    studio.page.get_by_role("button", name="Lock sky").first.click()
    kept(studio)
    return studio.labels, studio.picture, studio.sent.request["style"]


def shows(studio: Studio, labels: np.ndarray, picture: np.ndarray) -> None:
    expect(studio.page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
    studio.settle()
    assert (studio.labels == labels).all()
    assert (studio.picture == picture).all()


@pytest.fixture
def tab(context: BrowserContext, landscape_server: Server) -> Iterator[Studio]:
    """Another tab of the same browser, its page not open yet."""
    page = context.new_page()
    yield Studio(page, landscape_server.recorder, landscape_server.url)
    page.close()


def test_a_reload_brings_labels_looks_picture_and_history_back(studio: Studio) -> None:
    labels, picture, style = work(studio)
    studio.recorder.calls.clear()
    studio.page.reload()
    shows(studio, labels, picture)
    expect(studio.page.get_by_role("status").filter(has_text="Restored")).to_be_visible()
    expect(studio.page.locator("#history [role=listitem]")).to_have_count(3)
    expect(studio.page.locator(f"[data-dice='{CLASS['sky']}']")).to_be_disabled()
    assert not studio.recorder.calls  # nothing had to be drawn again
    x, y = spot(studio.labels, "grass", 16)
    studio.choose("sand")
    studio.stroke_and_wait((x, y))
    names = [name for name in CLASS if name != "sand"]
    assert specs(studio.sent.request["style"], names) == specs(style, names)
    studio.click_and_wait("#history [role=listitem]:last-child button")
    assert (studio.labels != labels).any()  # the first picture of the session, from before the reload


def test_undo_and_redo_go_on_after_a_reload(studio: Studio) -> None:
    page = studio.page
    maps = [studio.labels]
    for name in ("water", "sand", "rock"):
        x, y = spot(studio.labels, "sky", 30)
        studio.choose(name)
        studio.stroke_and_wait((x, y))
        maps.append(studio.labels)
    before = studio.picture_id
    page.keyboard.press("Control+z")
    studio.new_picture(before)
    kept(studio)
    page.reload()
    expect(page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
    studio.settle()
    for key, shown in (("z", 1), ("z", 0), ("y", 1), ("y", 2), ("y", 3)):
        before = studio.picture_id
        page.keyboard.press(f"Control+{key}")
        studio.new_picture(before)
        assert (studio.labels == maps[shown]).all()
    expect(page.locator("[data-do=redo]:visible")).to_be_disabled()


def test_undo_goes_on_in_the_next_tab_and_erasing_leads_to_the_map_as_it_was_opened(
    studio: Studio, tab: Studio
) -> None:
    opened = studio.labels
    x, y = spot(opened, "sky", 40)
    studio.choose("water")
    studio.stroke_and_wait((x - 8, y), (x + 8, y))
    kept(studio)
    studio.page.goto("about:blank")
    tab.open()
    tab.tool("erase")
    tab.stroke_and_wait((x - 8, y), (x + 8, y))
    assert (tab.labels == opened).all()
    kept(tab)
    tab.page.reload()
    expect(tab.page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
    tab.settle()
    for _ in range(2):
        before = tab.picture_id
        tab.page.keyboard.press("Control+z")
        tab.new_picture(before)
    assert (tab.labels == opened).all()
    studio.page.goto(studio.url)


def test_a_stroke_that_is_not_ended_is_not_kept_by_half(studio: Studio) -> None:
    page = studio.page
    x, y = spot(studio.labels, "grass", 22)
    studio.choose("water")
    page.mouse.move(*studio.at(x, y))
    page.mouse.down()
    painted = studio.labels
    (x1, y1), (x2, y2) = studio.at(x - 60, y - 100), studio.at(x + 60, y - 100)
    page.locator("#labels-frame").evaluate(
        AT_ONCE, [["pointerup", x1, y1], ["pointerdown", x1, y1], ["pointermove", x2, y2]]
    )
    kept(studio)
    assert (studio.labels != painted).any()
    page.reload()
    page.mouse.up()
    expect(page.locator("#picture")).to_have_attribute("data-picture", re.compile(r"\d"))
    assert (studio.labels == painted).all()


def test_a_reference_comes_back_with_its_picture(studio: Studio) -> None:
    studio.space("mix")
    studio.page.locator("#ref-strip [data-add=current]").click()
    expect(studio.page.locator("#ref-strip [data-reference=A]")).to_be_visible()
    kept(studio)
    face = studio.canvas("#ref-strip [data-reference=A] .ref-faces canvas >> nth=0")
    studio.page.reload()
    expect(studio.page.locator("#ref-strip [data-reference=A]")).to_be_visible()
    assert (studio.canvas("#ref-strip [data-reference=A] .ref-faces canvas >> nth=0") == face).all()


def test_a_tab_that_was_closed_is_gone_on_with_by_the_next(studio: Studio, tab: Studio) -> None:
    labels, picture, _ = work(studio)
    studio.page.goto("about:blank")
    tab.open()
    shows(tab, labels, picture)
    studio.page.goto(studio.url)


def test_a_tab_that_crashed_is_gone_on_with_by_the_next(
    context: BrowserContext, landscape_server: Server, studio: Studio, tab: Studio
) -> None:
    tab.open()
    tab.choose("sand")
    x, y = spot(tab.labels, "grass", 22)
    tab.stroke_and_wait((x, y))
    kept(tab)
    labels, picture = tab.labels, tab.picture
    with pytest.raises(Error):
        tab.page.goto("chrome://crash")
    next_page = context.new_page()
    after = Studio(next_page, landscape_server.recorder, landscape_server.url)
    after.open()
    shows(after, labels, picture)
    next_page.close()


def test_two_tabs_keep_apart(studio: Studio, tab: Studio) -> None:
    tab.open()
    for one, name in ((studio, "sand"), (tab, "rock")):
        x, y = spot(one.labels, "grass", 22)
        one.choose(name)
        one.stroke_and_wait((x, y))
        kept(one)
    first, second = (studio.labels, studio.picture), (tab.labels, tab.picture)
    assert (first[0] != second[0]).any()
    for one, (labels, picture) in ((tab, second), (studio, first), (tab, second)):
        one.page.reload()
        shows(one, labels, picture)


def test_afresh_is_a_way_out_and_back(studio: Studio) -> None:
    labels, picture, _ = work(studio)
    first = studio.page.evaluate("document.querySelectorAll('#history [role=listitem]').length")
    assert first == 3
    studio.afresh()
    assert (studio.labels != labels).any()
    expect(studio.page.locator("#history [role=listitem]")).to_have_count(1)
    before = studio.picture_id
    studio.page.get_by_role("button", name="Bring my painting back").click()
    studio.new_picture(before)
    shows(studio, labels, picture)
    studio.page.reload()
    shows(studio, labels, picture)


def test_each_model_has_a_table_of_its_own(studio: Studio) -> None:
    labels, picture, _ = work(studio)
    before = studio.picture_id
    studio.page.locator("#model").select_option("blind")
    studio.new_picture(before)
    assert (studio.labels != labels).any()
    before = studio.picture_id
    studio.page.locator("#model").select_option("landscape")
    studio.new_picture(before)
    shows(studio, labels, picture)


def test_without_storage_the_page_works_and_says_so(page: Page, landscape_server: Server) -> None:
    page.add_init_script("indexedDB.open = () => { throw new DOMException('denied', 'SecurityError'); };")
    studio = Studio(page, landscape_server.recorder, landscape_server.url)
    studio.open()
    expect(page.get_by_text("This browser keeps nothing")).to_have_count(1)
    x, y = spot(studio.labels, "grass", 22)
    studio.stroke_and_wait((x, y))
