"""A record on its way to an intent: its body as far as it is resolved, and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_clearbooks.intent import make_marker
from target_clearbooks.prepare.diagnostics import Findings
from target_clearbooks.prepare.references import ACCOUNT_CODES, BANK_ACCOUNTS
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.prepare.resolver import Resolver
    from target_clearbooks.prepare.shapes import Body
    from target_clearbooks.writable import Writable


@dataclass(slots=True)
class Draft:
    """What a step of preparing works on; the step changes `body` and adds to `findings`.

    Attributes:
        row: The stream's row of the table.
        source_key: Identity of the record at its source.
        body: Fields that are going to be sent; names become IDs.
        resolver: Finds what the record names.
        findings: Everything that was noticed about the record.
    """

    row: Writable
    source_key: str
    body: Body
    resolver: Resolver
    findings: Findings = field(default_factory=Findings)

    def fault(self, words: str) -> None:
        """Note why the record cannot be sent: `field: what is wrong`."""
        self.findings.faults.append(words)

    def meant(self, kind: str, value: Any) -> Any:
        """What a value stands for by the setting `references`; None where it names nothing."""
        found = self.resolver.aliases.meant(self.row.stream, kind, value)
        return None if found == "" else found

    def marker(self) -> str | None:
        """What tells the record in the ledger; None where markers are off."""
        if self.resolver.settings.marker == "off":
            return None
        return make_marker(self.resolver.business_id, self.row.stream, self.source_key)

    def mark(self) -> str | None:
        """Let the record's own text in the row's marker field mark it, else put a marker there.

        Returns:
            What marks the record; None where the stream has no place for it, or markers are off.
        """
        name = self.row.marker
        if name is None:
            return None
        marker = self.marker()
        own = str(self.body.pop(name, "")).strip()
        if own or marker:
            self.body[name] = own or marker
        return (own or marker) if marker else None

    def contact(self, name: str, streams: tuple[str, ...]) -> int | None:
        """Put the ID of the contact that the record names into the body's field `name`."""
        by_noun = {WRITABLE[stream].noun: stream for stream in streams}
        given = {noun: self.body.pop(noun) for noun in (*by_noun, "contact") if noun in self.body}
        number = self.body.pop(name, None)
        if number is not None:
            given[name] = {"id": number}
        if len(given) > 1:
            self.fault(f"{name}: give one of {', '.join(given)}")
            return None
        where, value = next(iter(given.items()), (name, None))
        if where in by_noun:
            streams = (by_noun[where],)
        if number is None and len(streams) == 1:
            value = self._alias(WRITABLE[streams[0]].noun, value)
        if value is None:
            return None
        refer = self.resolver.contacts.refer
        found = self.findings.attempt(where, refer, streams, value, name)
        if found is None:
            return None
        self.body[name] = found[0]
        self.findings.found_by(found[1], *streams)
        return found[0]

    def account(self, where: str, value: Any, side: str | None) -> int | None:
        """The account code that a field names; what is wrong with it is noted."""
        found = self.findings.attempt(where, self.resolver.references.account, value, side)
        self.findings.found_by((), ACCOUNT_CODES)
        return found

    def bank(self, where: str, value: Any) -> Mapping[str, Any] | None:
        """The bank account that a field names; what is wrong with it is noted."""
        found = self.findings.attempt(where, self.resolver.references.bank_account, value)
        self.findings.found_by((), BANK_ACCOUNTS)
        return found

    def _alias(self, kind: str, value: Any) -> Any:
        aliases, stream = self.resolver.aliases, self.row.stream
        if not isinstance(value, dict):
            return aliases.meant(stream, kind, value)
        if all(item in (None, "") for item in value.values()):
            return aliases.meant(stream, kind, None)
        for name in ("externalId", "name"):
            if isinstance(value.get(name), str):
                meant = aliases.meant(stream, kind, value[name])
                if meant != value[name]:
                    return meant
        return value
