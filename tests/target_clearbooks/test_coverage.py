"""A business that the authorisation does not cover: one line that names it and those covered."""

from __future__ import annotations

import pytest

from clearbooks.errors import ForbiddenError, NotCoveredError
from tests.target_clearbooks.conftest import customer, schema


@pytest.mark.parametrize("settings", [{}, {"dry_run": True}])
def test_a_wrong_business_is_named_and_not_a_scope(run, settings):
    more = {**settings, "plan_path": str(run.directory / "plan.jsonl")}
    with pytest.raises(NotCoveredError) as raised:
        run([*schema("customers"), customer()], business_ids=[999], **more)
    text = str(raised.value)
    assert text.startswith("business_ids: business 999 is not covered (HTTP 403)")
    assert f"covers {run.business} (Target Limited)" in text
    assert "scope" not in text
    assert raised.value.exit_code == 2
    assert sum(r.status == 403 for r in run.sandbox.requests) == 1


def test_one_of_several_businesses(run):
    theirs = customer(businessId=999)
    with pytest.raises(NotCoveredError):
        run(
            [*schema("customers"), customer(businessId=run.business), theirs],
            business_ids=[run.business, 999],
        )


def test_a_scope_that_is_missing_is_still_called_that(run):
    run.sandbox.faults.add("error:path=/accounting/customers,status=403")
    with pytest.raises(ForbiddenError, match="scope") as raised:
        run([*schema("customers"), customer()])
    assert not isinstance(raised.value, NotCoveredError)
