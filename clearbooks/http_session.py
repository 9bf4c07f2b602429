"""The pool of HTTP connections that a client sends its requests through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
import requests.adapters

if TYPE_CHECKING:
    from clearbooks.settings import Connection


def open_session(connection: Connection) -> requests.Session:
    """A session with the proxies and certificates of the environment, and nothing else of it."""
    session = requests.Session()
    # Proxies and certificates are read from the environment once, not for each request;
    # and a .netrc must never replace the token.
    session.trust_env = False
    settings = requests.Session().merge_environment_settings(
        connection.api_url, {}, None, None, None
    )
    session.proxies = dict(settings["proxies"])
    session.verify = settings["verify"]
    adapter = requests.adapters.HTTPAdapter(
        pool_connections=1, pool_maxsize=connection.max_in_flight, max_retries=0
    )
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers.update({"Accept": "application/json", "User-Agent": connection.user_agent})
    return session
