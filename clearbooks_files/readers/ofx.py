"""OFX and QFX, by ofxtools. An OFX file holds no opening balance: its lines cannot be checked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ofxtools.Parser import OFXTree

from clearbooks_files.errors import FileError
from clearbooks_files.readers.statements import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row

# It logs every element at INFO.
logging.getLogger("ofxtools").setLevel(logging.WARNING)


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The transactions of a file, statement by statement.

    Raises:
        FileError: it is no OFX.
    """
    del layout
    tree = OFXTree()
    try:
        with path.open("rb") as file:
            tree.parse(file)
        statements = tree.convert().statements
    except Exception as error:  # noqa: BLE001 - ofxtools raises whatever its models trip over
        words = str(error).partition("\n")[0] or type(error).__name__
        raise FileError(f"{path.name}: cannot be read as OFX: {words}") from None
    first = 1
    for number, statement in enumerate(statements, 1):
        lines = [_line(transaction) for transaction in statement.transactions or ()]
        account = statement.account
        about = {
            "Statement": str(number),
            "Account": f"{getattr(account, 'bankid', '')} {account.acctid}".strip(),
            "Currency": statement.curdef,
            "Closing balance": statement.ledgerbal.balamt if statement.ledgerbal else None,
        }
        yield from rows_of(path.name, first, about, lines)
        first += len(lines)


def _line(transaction: Any) -> dict[str, Any]:
    payee = transaction.payee
    name = transaction.name or (payee.name if payee is not None else "")
    return {
        "Date": transaction.dtposted.date(),
        "Amount": transaction.trnamt,
        "Text": " ".join(filter(None, (name, transaction.memo))),
        "Name": name,
        "Reference": transaction.checknum or transaction.refnum,
        "ID": transaction.fitid,
        "Type": transaction.trntype,
    }
