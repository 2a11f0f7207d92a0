"""The real page in a real Chromium, against the real server over the landscape model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from painter import serving
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from server.app import create_app
from server.settings import Settings

from .workbench import Recorder, Studio

FLAGS = [
    "--no-sandbox",  # a container's root has no user namespaces
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]

# What one test has painted is no business of the next.
FORGET = """() => new Promise((resolve) => {
  localStorage.clear();
  indexedDB.deleteDatabase("groupdnet-studio").onsuccess = resolve;
})"""


@dataclass
class Server:
    url: str
    recorder: Recorder


@pytest.fixture(scope="session")
def landscape_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The landscape model, and beside it the same generator without its encoder as ``blind``."""
    source = Settings().checkpoints / "landscape"
    folder = tmp_path_factory.mktemp("checkpoints")
    shutil.copytree(source, folder / "landscape")
    (folder / "blind").mkdir()
    for path in source.iterdir():
        if "encoder" not in path.name and path.is_file():
            shutil.copy(path, folder / "blind")
    recorder = Recorder(create_app(Settings(checkpoints=folder)))
    with serving(recorder, timeout_graceful_shutdown=2) as (_, port):
        yield Server(f"http://127.0.0.1:{port}/", recorder)


@pytest.fixture(scope="package")  # Playwright's event loop must not outlive these tests: others run their own
def browser() -> Iterator[Browser]:
    """Chromium of the system, or the one that Playwright has installed."""
    expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
    system = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for the tests of a file: the browser compiles the page's modules once."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark", reduced_motion="reduce")
    context.set_default_timeout(30_000)
    # nobody here is here for the first time; about:blank has no storage
    context.add_init_script("location.protocol === 'http:' && localStorage.setItem('hinted', 'yes')")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong behind the person's back: no error, no refused script or style."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    context.set_offline(False)
    page.evaluate(FORGET)
    page.close()
    said_in_words = ("Failed to load resource", "WebSocket connection to")  # an answer of 4xx, or none
    assert not [error for error in errors if not any(said in error for said in said_in_words)]


@pytest.fixture
def studio(page: Page, landscape_server: Server) -> Studio:
    """The page with its first picture."""
    landscape_server.recorder.calls.clear()
    studio = Studio(page, landscape_server.recorder, landscape_server.url)
    studio.open()
    return studio


@pytest.fixture
def shots() -> Path | None:
    """Where screenshots go, if somebody wants to look at them."""
    folder = os.environ.get("STUDIO_SCREENSHOTS")
    return Path(folder) if folder else None
