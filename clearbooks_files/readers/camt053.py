"""CAMT.053 of ISO 20022, of every version: its XML by defusedxml, element by element.

The elements are the same in every version of the message; what differs is the namespace, and
`Sts`, which holds text up to version 2 and a code in an element after it.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from clearbooks.dates import day_of
from clearbooks_files.errors import FileError
from clearbooks_files.readers.statements import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row

_BOOKED = "BOOK"


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The booked entries of a file, statement by statement.

    Raises:
        FileError: it is no CAMT.053, or a statement does not come to its closing balance.
    """
    del layout
    first, found = 1, False
    try:
        for _, element in iterparse(str(path), events=("end",)):
            _, _, element.tag = element.tag.rpartition("}")
            if element.tag != "Stmt":
                continue
            found = True
            entries = [_line(entry) for entry in element.findall("Ntry") if _is_booked(entry)]
            yield from rows_of(path.name, first, _about(element), entries)
            first += len(entries)
            element.clear()
    except (ParseError, DefusedXmlException) as error:
        raise FileError(f"{path.name}: is not XML to its end: {error}") from None
    except (ValueError, InvalidOperation, AttributeError, TypeError):
        raise FileError(f"{path.name}: entry {first}: an amount or a date is missing") from None
    if not found:
        raise FileError(f"{path.name}: holds no statement (Stmt) of CAMT.053")


def _about(statement: Element) -> dict[str, Any]:
    balances = {
        _text(balance, "Tp/CdOrPrtry/Cd"): _signed(balance) for balance in statement.findall("Bal")
    }
    account = _text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id")
    currency = statement.find("Bal/Amt")
    return {
        "Statement": _text(statement, "ElctrncSeqNb") or _text(statement, "Id"),
        "Account": account,
        "Currency": currency.get("Ccy") if currency is not None else "",
        "Opening balance": balances.get("OPBD", balances.get("PRCD")),
        "Closing balance": balances.get("CLBD"),
    }


def _is_booked(entry: Element) -> bool:
    return (_text(entry, "Sts/Cd") or _text(entry, "Sts")) in (_BOOKED, "")


def _line(entry: Element) -> dict[str, Any]:
    details = entry.find("NtryDtls/TxDtls")
    inside = details if details is not None else entry
    amount = _signed(entry)
    other = "Dbtr" if amount > 0 else "Cdtr"
    name = _text(inside, f"RltdPties/{other}/Nm") or _text(inside, f"RltdPties/{other}/Pty/Nm")
    words = " ".join(_all(inside, "RmtInf/Ustrd")) or _text(entry, "AddtlNtryInf")
    reference = _text(inside, "RmtInf/Strd/CdtrRefInf/Ref") or _text(inside, "Refs/EndToEndId")
    day = _text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm") or _text(entry, "ValDt/Dt")
    return {
        "Date": day_of(day) if "T" in day else dt.date.fromisoformat(day[:10]),
        "Amount": amount,
        "Text": " ".join(filter(None, (name, words))),
        "Name": name,
        "Reference": "" if reference == "NOTPROVIDED" else reference,
        "ID": _text(entry, "AcctSvcrRef") or _text(inside, "Refs/AcctSvcrRef"),
        "Type": _text(entry, "BkTxCd/Domn/Fmly/Cd") or _text(entry, "BkTxCd/Prtry/Cd"),
    }


def _signed(holder: Element) -> Decimal:
    amount = Decimal(_text(holder, "Amt"))
    negative = _text(holder, "CdtDbtInd") == "DBIT"
    return -amount if negative else amount


def _text(holder: Element, path: str) -> str:
    return (holder.findtext(path) or "").strip()


def _all(holder: Element, path: str) -> list[str]:
    return [(found.text or "").strip() for found in holder.findall(path)]
