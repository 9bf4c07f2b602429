"""VAT treatments and rates: short answers without pages."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tap_clearbooks.records import Shape
from tap_clearbooks.sources.base import Batch, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.contract import Resource
    from clearbooks.paging import Record

A_DAY = dt.timedelta(days=1)


class VatTreatments(Source):
    """The VAT treatments of both sides of the ledger."""

    def batches(self) -> Iterator[Batch]:
        """A batch for each side; once a day at most, since the law changes them."""
        if self.read_within(max(A_DAY, self.context.window.refresh)):
            return
        for side in vat_sides(self.resource):
            yield Batch(self.stamp(self.ask(vatType=side), vatType=side))
        yield self.last_batch()


class VatRates(Source):
    """The VAT rates of both sides, for every treatment of each."""

    def batches(self) -> Iterator[Batch]:
        """A batch for each side and treatment; once a day at most."""
        if self.read_within(max(A_DAY, self.context.window.refresh)):
            return
        treatments = self.context.client.contract.resources["vat_treatments"]
        keys = Shape("vat_treatments", {"properties": {"key": {"type": "string"}}})
        operation = treatments.operations["list"].id
        pairs = []
        for side in vat_sides(self.resource):
            reply = self.context.client.get(
                operation, {"vatType": side}, business_id=self.business_id
            )
            pairs += [(side, record.key) for record in keys.page(reply.body, operation)]

        def rates(pair: tuple[str, str]) -> list[Record]:
            side, treatment = pair
            records = self.ask(vatType=side, vatTreatment=treatment)
            return self.stamp(records, vatType=side, vatTreatment=treatment)

        for records in self.in_order(rates, pairs):
            yield Batch(records)
        yield self.last_batch()


def vat_sides(resource: Resource) -> list[str]:
    """The values of `vatType` that the contract knows."""
    return list(resource.dimension_schema("vatType")["enum"])
