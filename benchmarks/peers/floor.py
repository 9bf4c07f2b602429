# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["requests==2.32.5"]
# ///
"""The floor: every page fetched with `requests` and written as it came, N in flight.

No records, no retries, no limit on the rate: what the requests alone cost. Called with a JSON file:
url, token, business, listings, in_flight.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests


def main() -> None:
    with open(sys.argv[1]) as file:
        config = json.load(file)
    in_flight = config["in_flight"]
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=in_flight))
    session.headers["Authorization"] = f"Bearer {config['token']}"
    session.headers["X-Business-ID"] = str(config["business"])
    ready = threading.Semaphore(4 * in_flight)

    def fetch(path: str, page: int) -> requests.Response:
        reply = session.get(f"{config['url']}{path}?limit=200&page={page}", timeout=60)
        reply.raise_for_status()
        return reply

    def page_of(path: str, page: int) -> bytes:
        return fetch(path, page).content

    out = sys.stdout.buffer
    with ThreadPoolExecutor(in_flight) as pool:
        firsts = [
            (name, path, pool.submit(fetch, path, 1)) for name, path in config["listings"].items()
        ]
        waiting = []
        for name, path, first in firsts:
            reply = first.result()
            out.write(b'{"%s":%s}\n' % (name.encode(), reply.content))
            last = int(reply.headers["X-Pagination-Total-Pages"])
            for page in range(2, last + 1):
                # Pages that nobody has written yet are bounded, as in any reader.
                while not ready.acquire(blocking=False):
                    written, future = waiting.pop(0)
                    out.write(b'{"%s":%s}\n' % (written.encode(), future.result()))
                    ready.release()
                waiting.append((name, pool.submit(page_of, path, page)))
        for name, future in waiting:
            out.write(b'{"%s":%s}\n' % (name.encode(), future.result()))


if __name__ == "__main__":
    main()
