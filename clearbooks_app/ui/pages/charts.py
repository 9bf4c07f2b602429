"""Charts as SVG, drawn by the server; the same numbers stand beside them as text."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

Number = int | float | Decimal

# Narrow enough that the text can be read on a telephone.
_WIDTH, _ROW, _LABEL, _VALUE = 445, 24, 155, 120
# Columns stand three beside each other.
_COLUMNS, _HEIGHT = 340, 150


def bars(rows: Sequence[tuple[str, Number, str]], title: str) -> Markup:
    """Horizontal bars, one below the other.

    Args:
        rows: Label, value and the value in words of each.
        title: What is shown, for who cannot see it.
    """
    most = max((abs(float(value)) for _, value, _ in rows), default=0) or 1
    room = _WIDTH - _LABEL - _VALUE
    parts = []
    for place, (label, value, words) in enumerate(rows):
        y = place * _ROW
        width = max(abs(float(value)) / most * room, 1 if value else 0)
        kind = "bar minus" if value < 0 else "bar"
        parts.append(
            Markup(
                '<text x="{x}" y="{text}" text-anchor="end">{label}</text>'
                '<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="14" rx="2"/>'
                '<text class="value" x="{end}" y="{text}">{words}</text>'
            ).format(
                x=_LABEL - 8,
                text=y + 16,
                label=_short(label),
                kind=kind,
                left=_LABEL,
                top=y + 5,
                width=f"{width:.1f}",
                end=f"{_LABEL + width + 6:.1f}",
                words=words,
            )
        )
    return _drawn(parts, title, max(len(rows), 1) * _ROW + 4)


def columns(rows: Sequence[tuple[str, Number]], title: str, unit: str = "") -> Markup:
    """Upright columns from left to right, oldest first.

    Args:
        rows: Label and value of each.
        title: What is shown, for who cannot see it.
        unit: Stands behind the highest value.
    """
    most = max((float(value) for _, value in rows), default=0) or 1
    step = _COLUMNS / max(len(rows), 12)
    parts = [
        Markup('<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/>').format(
            _COLUMNS, _HEIGHT - 20, _HEIGHT - 20
        ),
        Markup('<text class="value" x="0" y="12">{}{}</text>').format(f"{most:,.6g}", unit),
    ]
    for place, (label, value) in enumerate(rows):
        height = max(float(value) / most * (_HEIGHT - 44), 1 if value else 0)
        parts.append(
            Markup(
                '<rect class="bar" x="{x}" y="{y}" width="{width}" height="{height}">'
                "<title>{label}: {value}{unit}</title></rect>"
            ).format(
                x=f"{place * step:.1f}",
                y=f"{_HEIGHT - 20 - height:.1f}",
                width=f"{step * 0.8:.1f}",
                height=f"{height:.1f}",
                label=label,
                value=f"{float(value):,.6g}",
                unit=unit,
            )
        )
    if rows:
        ends = ((0, "start", rows[0][0]), (_COLUMNS, "end", rows[-1][0]))
        parts += [
            Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
                x, _HEIGHT - 4, anchor, label
            )
            for x, anchor, label in ends[: min(len(rows), 2)]
        ]
    return _drawn(parts, title, _HEIGHT, _COLUMNS)


def _drawn(parts: Sequence[Markup], title: str, height: int, width: int = _WIDTH) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        "{body}</svg>"
    ).format(width=width, height=height, title=title, body=Markup("").join(parts))


def _short(label: str) -> Markup:
    return escape(label if len(label) <= 22 else f"{label[:21]}…")  # noqa: PLR2004 - what fits
