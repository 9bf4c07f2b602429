"""Bank feeds and bank statements."""

from __future__ import annotations


def test_bank_feeds_find_or_make_their_account(ledger):
    match = {"accountNumber": "12345678", "sortCode": "20-00-00"}
    made = ledger.do("createBankFeeds", {"items": [match, {"accountId": 1}]})["items"]
    assert [f["accountId"] for f in made] == [1, 1]
    assert made[0]["id"] != made[1]["id"]
    other = {"accountNumber": "9", "sortCode": "1", "name": "New"}
    [feed] = ledger.do("createBankFeeds", {"items": [other]})["items"]
    assert (feed["accountId"], feed["currency"]) == (2, "GBP")
    bad = [{"accountNumber": "8", "sortCode": "1"}, {"accountId": 77}]
    assert ledger.refused("createBankFeeds", {"items": bad}) == (422, ["NAME", "ACCOUNT_ID"])
    assert ledger.refused("createBankFeeds", {"items": [{}]}) == (400, ["REQUIRED"])
    assert len(ledger.do("listBankAccounts")) == 2


def test_changed_data_under_a_known_bank_id_is_ignored(ledger):
    [feed] = ledger.do("createBankFeeds", {"items": [{"accountId": 1}]})["items"]

    def send(day, amount):
        lines = [
            {"transactionId": "a", "transactionDate": day, "description": "d", "amount": amount}
        ]
        item = {"feedId": feed["id"], "statementLines": lines}
        return ledger.do("createBankStatements", {"items": [item]})["items"]

    assert send("2024-03-01", 5) == send("2024-05-01", 6)
    [statement] = ledger.engine.books(ledger.business).statements()
    assert [x["amount"] for x in statement["lines"]] == [5]
