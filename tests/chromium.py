"""A headless Chromium, and what holds for a page that everybody can use.

The tests of pages are skipped where no browser is installed.
"""

import functools
import shutil
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, sync_playwright

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
_AXE = Axe()
# Elements that reach out of the viewport, or that a box cuts off which does not scroll. What only
# screen readers read (`clip-path`), and what stands aside until it has the focus, is left out.
_CUT_OFF = """() => {
  const scrolls = value => value === "auto" || value === "scroll";
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (!box.width || !box.height || style.visibility === "hidden") continue;
    let hidden = false, scrolled = false;
    for (let up = element; up; up = up.parentElement) {
      const above = getComputedStyle(up);
      hidden ||= above.clipPath !== "none" || (above.position === "absolute" && box.right <= 0);
      scrolled ||= up !== element && scrolls(above.overflowX);
    }
    if (hidden) continue;
    const out = !scrolled && (box.right > innerWidth + 0.5 || box.left < -0.5);
    const text = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const clipped = text && style.overflowX !== "visible" && !scrolls(style.overflowX)
      && element.scrollWidth > element.clientWidth;
    if (out || clipped) found.push(element.outerHTML.slice(0, 200));
  }
  return found;
}"""


def faults(tab):
    """What keeps people from using the page that is open, each in a line.

    What axe finds serious or critical, and what is cut off at the sides.
    """
    over = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [
        *([f"the page is {over} px too wide"] if over > 0 else []),
        *(f"cut off: {element}" for element in tab.evaluate(_CUT_OFF)),
        *(
            f"{violation['id']}: {node['html'][:200]}"
            for violation in _AXE.run(tab).response["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ),
    ]


def _until_loaded(click):
    """`click`, and wait for the page that it leads to.

    Playwright's own returns when the first bytes of that page have come: what is asked of the
    page at once may still be missing, and is missed only on a busy machine.
    """

    @functools.wraps(click)
    def clicked(locator, **options):
        click(locator, **options)
        locator.page.wait_for_load_state()

    return clicked


@contextmanager
def launched():
    """The browser, for as long as the block runs: a click in it waits for the page it leads to."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium is installed ({', '.join(_BROWSERS)})")
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Locator, "click", _until_loaded(Locator.click))
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()
