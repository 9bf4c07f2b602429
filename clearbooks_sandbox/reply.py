"""Answers to requests, the error that refuses one, and JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence  # noqa: TC003 - dataclass fields
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
# Of the smallest and the greatest double, which are all that the contract promises.
_MIN_EXPONENT, _MAX_EXPONENT = -324, 308


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"the number {text[:40]} is out of range") from None
    if value and not _MIN_EXPONENT <= value.adjusted() <= _MAX_EXPONENT:
        raise ValueError(f"the number {text[:40]} is out of range")
    return value


_DECODER = msgspec.json.Decoder(float_hook=_number)


_FIELD = re.compile(r"([A-Za-z]\w*(?:\[\d+\])?(?:\.\w+(?:\[\d+\])?)*): ")
_CAPITAL = re.compile(r"(?=[A-Z])")


class Fault(NamedTuple):
    """One thing wrong with a request, as the API words it.

    Attributes:
        code: Such as `notFound`; it is sent as `NOT_FOUND`.
        message: Where it begins with the path of a field and a colon, that is its `source`.
    """

    code: str
    message: str

    @property
    def source(self) -> str | None:
        """The field that it is about, as a path such as `lineItems[0].vatRateKey`."""
        found = _FIELD.match(self.message)
        return found[1] if found else None

    def body(self) -> dict[str, str]:
        """The object that the API sends."""
        sent = {
            "errorCode": _CAPITAL.sub("_", self.code).upper(),
            "errorMessage": self.message,
            "source": self.source,
        }
        return {name: value for name, value in sent.items() if value is not None}


@dataclass(slots=True)
class Reply:
    """An answer: status, headers and the bytes of the body."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the operation was carried out; redirects and refusals are not."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:
        """The body, with decimals as `Decimal`."""
        return decode(self.body)


class RefusedError(Exception):
    """A request that is not carried out.

    Status 400: the request does not keep to the contract. 422: it does, and the ledger cannot carry
    it out. 404, 409 and the others have their usual meaning.
    """

    def __init__(
        self,
        status: int,
        faults: Sequence[Fault],
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.status = status
        self.faults = tuple(faults)
        self.headers = headers or {}

    def reply(self) -> Reply:
        """The answer that says so."""
        return error_reply(self.status, self.faults, self.headers)


def not_found(what: str, record_id: object) -> RefusedError:
    """404 for a record."""
    return RefusedError(404, [Fault("notFound", f"There is no {what} {record_id}.")])


def conflict(message: str) -> RefusedError:
    """409: the record is in a state, or in use in a way, that does not allow this."""
    return RefusedError(409, [Fault("conflict", message)])


def error_reply(
    status: int, faults: Sequence[Fault], headers: dict[str, str] | None = None
) -> Reply:
    """An error body as the API sends it: `{"errors": [{errorCode, errorMessage, source}]}`."""
    body = encode({"errors": [fault.body() for fault in faults]})
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, body)


def encode(value: Any) -> bytes:
    """JSON, with decimals as numbers that keep their trailing zeros."""
    return _ENCODER.encode(value)


def decode(data: bytes | str) -> Any:
    """JSON with decimals as `Decimal`.

    Raises:
        msgspec.DecodeError: not JSON.
    """
    return _DECODER.decode(data)
