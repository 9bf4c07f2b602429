"""OFX and QFX, by ofxtools. An OFX file holds no opening balance: its lines cannot be checked."""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING, Any

from ofxtools.Parser import OFXTree

from clearbooks.dates import day_of
from clearbooks_files.errors import FileError
from clearbooks_files.readers.statements import rows_of
from clearbooks_files.readers.text import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row

# It logs every element at INFO.
logging.getLogger("ofxtools").setLevel(logging.WARNING)

_CHARSET = re.compile(
    r"(ENCODING:)(?:USASCII|UNICODE|UTF-8)(\s*CHARSET:)(NONE|1252|(?:ISO-)?8859-1)", re.IGNORECASE
)
# An amount has a point or a comma before the pennies, and nothing between the thousands.
_AMOUNT = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)")
_DAY = len("20260630")


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The transactions of a file, statement by statement.

    Raises:
        FileError: it is no OFX.
    """
    del layout
    tree = OFXTree()
    try:
        tree.parse(io.BytesIO(_in_its_encoding(path)))
        _check(path.name, tree)
        statements = tree.convert().statements
    except FileError:
        raise
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


def _in_its_encoding(path: Path) -> bytes:
    """The file, in the encoding that its header names: many say one and are written in another."""
    data, encoding = path.read_bytes(), encoding_of(path)
    text = data.decode(encoding)
    named = _CHARSET.search(text)
    if named and named[3].upper() != "NONE" and not encoding.startswith("utf"):
        return data
    return _CHARSET.sub(r"\1UTF-8\2NONE", text, count=1).encode()


def _check(name: str, tree: OFXTree) -> None:
    """Refuse what is no amount, and take from a moment without a zone the day that is written.

    Raises:
        FileError: an amount is none.
    """
    for number, amount in enumerate(tree.iter("TRNAMT"), 1):
        text = (amount.text or "").strip()
        if not _AMOUNT.fullmatch(text):
            raise FileError(
                f"{name} row {number}, TRNAMT: {text!r} is not an amount such as -1234.50"
            )
    for posted in tree.iter("DTPOSTED"):
        if posted.text and "[" not in posted.text:
            posted.text = posted.text.strip()[:_DAY]


def _line(transaction: Any) -> dict[str, Any]:
    payee = transaction.payee
    name = transaction.name or (payee.name if payee is not None else "")
    return {
        "Date": day_of(transaction.dtposted.isoformat()),
        "Amount": transaction.trnamt,
        "Text": " ".join(filter(None, (name, transaction.memo))),
        "Name": name,
        "Reference": transaction.checknum or transaction.refnum,
        "ID": transaction.fitid,
        "Type": transaction.trntype,
    }
