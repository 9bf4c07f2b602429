"""Faults that the sandbox makes on request: which requests they affect."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, fields

FAULTS = {
    "error": "answered 500 (or status=...), not carried out",
    "error-after": "carried out, answered 500",
    "drop-before": "connection closed, not carried out",
    "drop-after": "carried out, connection closed",
    "no-subscription": "answered 403 (or status=402): the plan of the business lacks this",
    "html": "an HTML page with status 200, not carried out",
    "html-after": "carried out, answered with an HTML page and status 200",
    "truncate": "carried out, half of the JSON, as if it were whole",
    "cut": "carried out, connection closed in the middle of the body",
    "slow": "waits, then is carried out",
    "slow-after": "carried out, then waits with the answer",
    "throttle": "answered 429 (retry_after=... adds the header)",
    "expire-tokens": "every access token ends before the request",
    "delete-between-pages": "a record of an earlier page is deleted before a later page is read",
    "add-between-pages": "a record is added before a later page is read",
    "replace-between-pages": "one is deleted and one is added",
}
_BETWEEN = "-between-pages"


@dataclass(slots=True)
class FaultRule:
    """Which requests get a fault.

    Attributes:
        probability: Of each matching request, where neither `nth` nor `every` is set.
        seconds: How long `slow` waits.
        method: Only this method.
        path: Only paths below the API's base that begin so. Without it, the API only;
            `/oauth/token` must be named.
        nth: The n-th matching request gets it, and those after it, as often as `times` says.
        every: Each n-th matching request gets it.
        times: How often it happens at most.
        seed: Of the probability.
        status: Of `error`, `error-after` (500 without it) and `no-subscription` (403).
        retry_after: Header of `throttle`: seconds or an HTTP date.
        matched: Matching requests so far.
        fired: How often it happened.
    """

    kind: str
    probability: float = 1.0
    seconds: float = 1.0
    method: str | None = None
    path: str | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    seed: int = 0
    status: int | None = None
    retry_after: str | None = None
    matched: int = 0
    fired: int = 0
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"no fault {self.kind!r}; there are: {', '.join(FAULTS)}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"{self.kind}: the probability {self.probability} is not in 0..1")
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def applies_to(self, method: str, path: str, page: int) -> bool:
        """Whether this request gets the fault; counts the request."""
        below = path.startswith(self.path) if self.path else not path.startswith("/oauth")
        if not below or (self.method and self.method.upper() != method):
            return False
        if self.kind.endswith(_BETWEEN) and page < 2:  # noqa: PLR2004 - nothing was read yet
            return False
        self.matched += 1
        if self.times is not None and self.fired >= self.times:
            return False
        if self.nth is not None:
            applies = self.matched >= self.nth
        elif self.every is not None:
            applies = self.matched % self.every == 0
        else:
            applies = self._random.random() < self.probability
        self.fired += applies
        return applies


_TEXT = frozenset({"method", "path", "retry_after"})
_NUMBERS = frozenset({"nth", "every", "times", "seed", "status"})


class Faults:
    """The rules in force."""

    def __init__(self, specs: list[str] | None = None) -> None:
        self.rules: list[FaultRule] = []
        for spec in specs or ():
            self.add(spec)

    def add(self, spec: str) -> FaultRule:
        """Add a rule from text: `KIND[:PROBABILITY][:SECONDS][:name=value,...]`.

        Such as `error:0.1`, `slow:0.1:2.0`, `expire-tokens:every=50` or
        `drop-after:0.05:method=POST,path=/accounting/sales,seed=7`. A fault between pages
        happens once unless `times` says otherwise.

        Raises:
            ValueError: not a rule; the text says why.
        """
        kind, *rest = spec.split(":")
        values: dict[str, object] = {"times": 1} if kind.endswith(_BETWEEN) else {}
        places = iter(("probability", "seconds"))
        for part in rest:
            for item in part.split(","):
                name, equals, value = item.partition("=")
                if not equals:
                    name, value = next(places, ""), item
                values[name.replace("-", "_")] = value
        try:
            rule = FaultRule(kind, **{name: _typed(name, value) for name, value in values.items()})  # type: ignore[arg-type]
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"fault {spec!r}: {error}; write KIND[:PROBABILITY][:SECONDS][:name=value,...]"
            ) from None
        self.rules.append(rule)
        return rule

    def plan(
        self,
        kind: str,
        *,
        method: str | None = None,
        path: str | None = None,
        nth: int = 1,
        times: int = 1,
        seconds: float = 1.0,
        status: int | None = None,
        retry_after: str | None = None,
    ) -> FaultRule:
        """Give the n-th matching request from now on a fault; the rule counts what it did."""
        rule = FaultRule(
            kind,
            method=method,
            path=path,
            nth=nth,
            times=times,
            seconds=seconds,
            status=status,
            retry_after=retry_after,
        )
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove every rule."""
        self.rules.clear()

    @property
    def counts(self) -> Counter[str]:
        """How often each kind happened."""
        found: Counter[str] = Counter()
        for rule in self.rules:
            found[rule.kind] += rule.fired
        return found

    def matching(self, method: str, path: str, page: int = 1) -> dict[str, FaultRule]:
        """The rules that apply to this request, by kind."""
        return {rule.kind: rule for rule in self.rules if rule.applies_to(method, path, page)}


def _typed(name: str, value: object) -> object:
    if name not in {f.name for f in fields(FaultRule) if f.init} - {"kind", "matched", "fired"}:
        raise ValueError(f"unknown part {name or value!r}")
    if name in _TEXT:
        return value
    return int(str(value)) if name in _NUMBERS else float(str(value))
