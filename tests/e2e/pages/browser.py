"""Debian's chromium, and what every page of ours must be."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

PATH = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
PHONE: ViewportSize = {"width": 360, "height": 740}
WAIT = 30_000  # milliseconds: as long as the slowest machine may need

# What a reader who sees, hears or types needs: a language, a title, one heading, names of all that can be used, no id
# twice, nothing wider than the screen.
_FAULTS = """() => {
  const faults = [], all = selector => [...document.querySelectorAll(selector)];
  const name = e => (e.getAttribute('aria-label') || e.innerText || e.labels?.[0]?.innerText || '').trim();
  if (!document.documentElement.lang) faults.push('no language');
  if (!document.title.trim()) faults.push('no title');
  if (all('h1').length !== 1) faults.push(`${all('h1').length} h1`);
  if (all('main').length !== 1) faults.push(`${all('main').length} main`);
  for (const e of all('a, button, input:not([type=hidden])')) if (!name(e)) faults.push('no name: ' + e.outerHTML);
  for (const e of all('[type=radio]')) if (!e.closest('fieldset')?.querySelector('legend')) faults.push('no legend');
  const ids = all('[id]').map(e => e.id);
  if (new Set(ids).size !== ids.length) faults.push('an id twice: ' + ids);
  for (const e of all('[aria-labelledby]'))
    if (!document.getElementById(e.getAttribute('aria-labelledby'))) faults.push('label is not there: ' + e.outerHTML);
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} wide`);
  if (!getComputedStyle(document.body).fontFamily.includes('system-ui')) faults.push('the style did not load');
  return faults;
}"""


@contextmanager
def started() -> Iterator[Browser]:
    """A browser; without one the tests are skipped, but on the machine that decides they fail."""
    if shutil.which(PATH) is None and os.environ.get("CI") != "true":
        pytest.skip(f"there is no {PATH} here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, **options: Any) -> Iterator[Page]:
    """A phone's screen with nothing remembered. What the page complains of in its console fails the test."""
    context = browser.new_context(viewport=PHONE, **options)
    context.set_default_timeout(WAIT)
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    # what is not found here is the little picture that browsers ask every site for, and pages that say 4xx
    assert [said for said in complaints if "Failed to load resource" not in said] == []


def sound(page: Page) -> None:
    """The page is one that anybody can use."""
    assert page.evaluate(_FAULTS) == []
