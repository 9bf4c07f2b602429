"""Lists that are read whole: businesses, master data, allocations, attachments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.errors import NotFoundError
from tap_clearbooks.records import ONLY_ID, Shape
from tap_clearbooks.sources.base import Batch, Source, everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.paging import Record


class Businesses(Source):
    """The businesses of the authorisation; `business_id` is not used."""

    def batches(self) -> Iterator[Batch]:
        """One batch: the businesses in scope."""
        operation = self.resource.operations["list"].id
        wanted = self.context.client.connection.business_ids
        found = self.shape.page(self.context.business_list().body, operation)
        records = [record for record in found if not wanted or record.id in wanted]
        for record in records:
            record.businessId = record.id
        # A business that nobody asks for is not gone.
        there = {record.id for record in found}
        yield Batch(records, covers=lambda key: key not in there)


class Listed(Source):
    """A paged list that is read whole, in ascending order of ID; not before `refresh_hours`."""

    def batches(self) -> Iterator[Batch]:
        """A batch for each page."""
        if self.read_within(self.context.window.refresh):
            return
        for part in self.listing().ascending():
            yield Batch(self.stamp(part.records))
        yield self.last_batch()


class Attachments(Source):
    """Attachments of every document of one side: one request for each document."""

    def batches(self) -> Iterator[Batch]:
        """A batch for each document that has attachments."""
        type_name, id_name = self.resource.dimensions
        contract = self.context.client.contract
        for parent in contract.resources.values():
            if type_name not in parent.fixed or parent.entity == self.resource.entity:
                continue
            kind = parent.fixed[type_name]
            only_id = Shape(parent.name, ONLY_ID)
            documents = (
                record.id
                for part in self.listing(parent, only_id).ascending()
                for record in part.records
            )

            def attached(document: int, kind: str = kind) -> list[Record]:
                listing = self.listing(params={type_name: kind, id_name: document})
                try:
                    records = listing.whole()
                except NotFoundError:
                    # Deleted since it was listed.
                    return []
                return self.stamp(records, **{type_name: kind, id_name: document})

            for records in self.in_order(attached, documents):
                if records:
                    yield Batch(records)
        yield Batch([], covers=everything)
