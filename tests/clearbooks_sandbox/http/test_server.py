"""Starting, stopping, and many at once."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from clearbooks_sandbox import AccountingEngine, Options, running
from tests.clearbooks_sandbox.conftest import Http
from tests.ledger import Ledger

PLAIN = Options(pages=False)


def test_concurrent_requests_are_all_carried_out_once(served, ledger):
    customer = ledger.customer()
    body = ledger.sale_body(customer) | {
        "lineItems": [
            {
                "description": "x",
                "unitPrice": 1.1,
                "quantity": 1,
                "accountCode": 1001001,
                "vatRateKey": "20.00:Standard",
            }
        ]
    }

    def work(_):
        client = Http(served)
        codes = [
            client("POST", "/accounting/sales/invoices", json=body).status_code for _ in range(15)
        ]
        client.session.close()
        # Calls past HTTP, from other threads, at the same time.
        codes += [
            ledger.call("createSalesDocument", body, salesType="invoices").status for _ in range(15)
        ]
        return codes

    with ThreadPoolExecutor(8) as pool:
        codes = [code for some in pool.map(work, range(8)) for code in some]
    assert codes == [201] * 240
    found = [
        d["id"]
        for page in (1, 2)
        for d in ledger.do(
            "listSalesDocuments", salesType="invoices", query={"limit": 200, "page": page}
        )
    ]
    assert found == list(range(1, 241))
    assert ledger.balances()[7501001] == 240 * ledger.invoice(1)["gross"]


def test_it_stops_at_once_and_in_silence(capfd):
    engine = AccountingEngine()
    Ledger(engine, engine.add_business("A"))
    with running(engine, PLAIN) as sandbox:
        idle = Http(sandbox)
        idle("GET", "/businesses")
        sandbox.faults.plan("slow", seconds=60)

        def hang():
            with contextlib.suppress(requests.ConnectionError):
                Http(sandbox)("GET", "/businesses", timeout=60)

        waiting = threading.Thread(target=hang)
        waiting.start()
        time.sleep(0.1)
        started = time.perf_counter()
    assert time.perf_counter() - started < 1.5
    waiting.join(5)
    assert not waiting.is_alive()
    idle.session.close()
    engine.close()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_two_beside_each_other_know_nothing_of_each_other():
    with running(options=PLAIN) as one, running(options=Options(pages=False)) as two:
        assert one.url != two.url
        for sandbox, count in ((one, 1), (two, 0)):
            client = Http(sandbox)
            if count:
                client("POST", "/accounting/customers", json={"name": "x"})
            assert len(client("GET", "/accounting/customers").json()) == count
            client.session.close()


def test_options_reach_the_server():
    options = Options(
        pages=False,
        page_cap=2,
        dialects=["no-headers"],
        faults=["error:path=/x"],
        access_token="mine",
        refresh_token=None,
    )
    with running(options=options) as sandbox:
        client = Http(sandbox, "mine")
        answer = client("GET", "/accounting/accountCodes")
        assert len(answer.json()) == 2
        assert "X-Pagination-Limit" not in answer.headers
        assert len(sandbox.faults.rules) == 1
        assert Http(sandbox)("GET", "/businesses").status_code == 401
        client.session.close()
