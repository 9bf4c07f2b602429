"""What the tests of pages rely on."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class HalfAPage(BaseHTTPRequestHandler):
    """A link, and a page behind it whose second half comes later than its first."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.path == "/":
            self.wfile.write(b"<!doctype html><a href='/next'>Next</a>")
            return
        self.wfile.write(b"<!doctype html><title>Next</title><body>" + b" " * 5000)
        self.wfile.flush()
        time.sleep(0.5)
        self.wfile.write(b"<p>The second half</p>")

    def log_message(self, *_):
        pass


@pytest.fixture
def half_a_page():
    server = ThreadingHTTPServer(("127.0.0.1", 0), HalfAPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_click_waits_for_the_whole_page(chromium, half_a_page):
    tab = chromium.new_page()
    tab.goto(half_a_page)
    tab.get_by_role("link", name="Next").click()
    assert tab.locator("p").count() == 1
    tab.close()
