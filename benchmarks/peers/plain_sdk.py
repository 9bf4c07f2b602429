# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["singer-sdk==0.54.9"]
# ///
"""What the Singer SDK's own template makes of this API: a RESTStream for each listing.

Nothing is overridden that the template does not override: JSON by `requests` with Decimal, records
by jsonpath, pages by number, one stream after the other, transaction lines as a listing of their
own. Called with a JSON file: url, token, business, schemas, listings.
"""

from __future__ import annotations

import decimal
import json
import sys
import typing as t

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.helpers.jsonpath import extract_jsonpath
from singer_sdk.pagination import PageNumberPaginator
from singer_sdk.streams import RESTStream


class TotalPages(PageNumberPaginator):
    def has_more(self, response) -> bool:
        return int(response.headers["X-Pagination-Total-Pages"]) > self.current_value


class ClearBooksStream(RESTStream):
    records_jsonpath = "$[*]"

    @property
    def url_base(self) -> str:
        return self.config["url"]

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=self.config["token"])

    @property
    def http_headers(self) -> dict:
        return {"X-Business-ID": str(self.config["business"])}

    def get_new_paginator(self) -> TotalPages:
        return TotalPages(1)

    def get_url_params(self, context, next_page_token) -> dict[str, t.Any]:
        return {"limit": 200, "page": next_page_token}

    def parse_response(self, response) -> t.Iterable[dict]:
        yield from extract_jsonpath(
            self.records_jsonpath, input=response.json(parse_float=decimal.Decimal)
        )


class TapPlain(Tap):
    name = "tap-plain"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType, required=True),
        th.Property("token", th.StringType, required=True),
        th.Property("business", th.IntegerType, required=True),
        th.Property("listings", th.ObjectType(additional_properties=True)),
        th.Property("schemas", th.ObjectType(additional_properties=True)),
    ).to_dict()

    def discover_streams(self) -> list[ClearBooksStream]:
        return [
            ClearBooksStream(self, name=name, schema=self.config["schemas"][name], path=path)
            for name, path in self.config["listings"].items()
        ]


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        config = json.load(file)
    TapPlain(config=config).sync_all()
