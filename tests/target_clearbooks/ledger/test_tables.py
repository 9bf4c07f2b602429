"""Lists in memory and on disk answer alike, whatever was put in and taken out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_clearbooks.ledger.lookup_cache import LookupCache
from target_clearbooks.ledger.record_tables import DiskTable, MemoryTable

IDS = st.integers(1, 6)
NAMES = st.sampled_from(["Smith", "Jones & Co", "Ōsaka"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, NAMES),
        st.tuples(st.just("drop"), IDS, st.none()),
        st.tuples(st.just("find"), st.none(), NAMES),
    ),
    max_size=30,
)


def name_of(row):
    return (row["name"].casefold(),)


def pair_of(row):
    return ((row["name"], str(row["limit"])),)


@pytest.fixture(scope="module")
def shelf():
    made = LookupCache()
    yield made
    made.close()


@given(STEPS)
def test_on_disk_as_in_memory(shelf, steps):
    disk, memory = DiskTable(shelf.db, "customers"), MemoryTable([])
    disk.clear()
    for what, number, name in steps:
        if what == "put":
            row = {"id": number, "name": name, "limit": Decimal("10.50") * number}
            disk.put(row)
            memory.put(row)
        elif what == "drop":
            disk.drop(number)
            memory.drop(number)
        for found in (
            [t.find("name", name_of, (name or "smith").casefold()) for t in (disk, memory)],
            [t.find("pair", pair_of, (name, "10.50")) for t in (disk, memory)],
            [t.rows for t in (disk, memory)],
        ):
            assert found[0] == sorted(found[1], key=lambda r: r["id"])
        assert len(disk) == len(memory)
        assert disk.get(number) == memory.get(number)


def test_lists_of_one_database_are_apart(shelf):
    ours, theirs = DiskTable(shelf.db, "ours"), DiskTable(shelf.db, "theirs")
    ours.add([{"id": 1, "name": "A"}, {"name": "without an ID"}])
    theirs.add([{"id": 1, "name": "B"}])
    assert ours.find("name", name_of, "a") == [{"id": 1, "name": "A"}]
    ours.clear()
    assert (len(ours), len(theirs)) == (0, 1)


def test_a_key_is_found_without_reading_the_whole_list(shelf):
    asked = []
    table = DiskTable(shelf.db, "large")
    table.add({"id": n, "name": f"Name {n}"} for n in range(1, 2001))
    table.find("name", name_of, "name 1")
    shelf.db.set_progress_handler(lambda: asked.append(1), 100)
    try:
        assert [r["id"] for r in table.find("name", name_of, "name 7")] == [7]
    finally:
        shelf.db.set_progress_handler(None, 0)
    # So many hundred steps of the database engine; a scan takes over a hundred.
    assert len(asked) < 10
