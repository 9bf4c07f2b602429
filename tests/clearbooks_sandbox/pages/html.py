"""Reading a page as a person would: its tables, headings, links and fields."""

from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser


@dataclass
class Cell:
    tag: str
    attributes: dict
    text: str = ""


@dataclass
class Table:
    head: list = field(default_factory=list)
    body: list = field(default_factory=list)
    foot: list = field(default_factory=list)

    def columns(self):
        return [cell.text for cell in self.head[0]]

    def column(self, name):
        """The cells below a heading, as text."""
        place = self.columns().index(name)
        return [row[place].text for row in self.body]


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.tables, self.links, self.elements, self.headings = [], [], [], []
        self.words = ""
        self._section, self._cell, self._heading = None, None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag == "table":
            self.tables.append(Table())
        elif tag in ("thead", "tbody", "tfoot"):
            self._section = getattr(self.tables[-1], tag[1:])
        elif tag == "tr":
            self._section.append([])
        elif tag in ("th", "td"):
            self._cell = Cell(tag, attributes)
            self._section[-1].append(self._cell)
            # A cell that spans several columns stands in each of them.
            for _ in range(int(attributes.get("colspan", 1)) - 1):
                self._section[-1].append(Cell(tag, attributes))
        elif tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag in ("h1", "h2", "h3"):
            self.headings.append([tag, ""])
            self._heading = tag

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self._cell.text = " ".join(self._cell.text.split())
            self._cell = None
        elif tag == self._heading:
            self._heading = None

    def handle_data(self, data):
        self.words += data
        if self._cell is not None:
            self._cell.text += data
        if self._heading:
            self.headings[-1][1] += data

    def all(self, *tags):
        return [(tag, attributes) for tag, attributes in self.elements if tag in tags]


def number(text):
    """An amount as the pages write it."""
    plain = text.replace(",", "").replace("£", "").replace("\N{MINUS SIGN}", "-")
    return Decimal(plain.split()[-1]) if plain else Decimal(0)


def added(cells):
    return sum(map(number, cells), start=Decimal(0))
