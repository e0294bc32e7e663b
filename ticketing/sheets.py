"""Files → checked rows: JSON, CSV and XLSX, every bad row named (docs/data.md)."""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from ticketing.rows import HEADINGS, KINDS, KINDS_IN_CHINESE, ROWS, Row

MAX_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 200_000_000  # an .xlsx is a zip: a small file may hold a very large one
MAX_ROWS = 100_000
MAX_COLUMNS = 64
EXACT_IN_EXCEL = 10**15  # a longer number has lost digits before we read it


@dataclass(frozen=True)
class BadRow:
    """What is wrong, and where: the file (with its sheet or part), the row as a spreadsheet counts it (in JSON
    from 1), the column as the file names it."""

    file: str
    row: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        row = None if self.row is None else f"row {self.row}"
        return ", ".join(part for part in (self.file, row, self.column) if part) + f": {self.message}"


class LoadError(Exception):
    """Nothing was changed; `problems` names every bad row."""

    def __init__(self, problems: list[BadRow]):
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Unreadable(Exception):
    """The whole file can not be read; the message says why."""


@dataclass(frozen=True)
class Sheet:
    """Rows of one kind out of one file: (row number, {field: cell})."""

    file: str
    kind: str
    rows: list[tuple[int, dict[str, Any]]]
    headings: dict[str, str] = field(default_factory=dict)  # field: as the file names it
    hall: str | None = None  # the hall that the file itself describes


def read(path: Path, problems: list[BadRow]) -> list[Sheet]:
    readers = {".json": read_json, ".csv": read_csv, ".xlsx": read_xlsx}
    try:
        if path.suffix.lower() not in readers:
            raise Unreadable("is neither .json nor .csv nor .xlsx")
        return readers[path.suffix.lower()](path, content(path), problems)
    except Unreadable as error:
        problems.append(BadRow(path.name, None, None, str(error)))
        return []


def content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"can not be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise Unreadable(f"is larger than {MAX_BYTES // 1_000_000} MB")
    return data


def read_json(path: Path, data: bytes, problems: list[BadRow]) -> list[Sheet]:
    try:
        parts = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"is not valid JSON: {error}") from error
    if not isinstance(parts, dict):
        raise Unreadable("must be one object with the parts " + ", ".join(["hall", "rules", *KINDS]))
    parts = {kind: rows for kind, rows in parts.items() if rows is not None}
    if "hall" in parts or "rules" in parts:
        parts["hall"] = [with_rules(parts.get("hall", {}), parts.pop("rules", None))]
    hall = parts["hall"][0].get("code") if "hall" in parts else None
    sheets = []
    for kind, rows in parts.items():
        if kind not in ROWS:
            problems.append(BadRow(path.name, None, kind, "is no part of a hall's description"))
        elif not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            problems.append(BadRow(path.name, None, kind, "must be a list of objects"))
        else:
            numbered = list(enumerate(within_limit(rows), 1))
            sheets.append(Sheet(f"{path.name}, {kind}", kind, numbered, hall=hall if is_code(hall) else None))
    return sheets


def with_rules(hall: Any, rules: Any) -> dict[str, Any]:
    if not isinstance(hall, dict):
        raise Unreadable("hall must be an object")
    return hall if rules is None else {**hall, "rules": rules}


def is_code(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def read_csv(path: Path, data: bytes, problems: list[BadRow]) -> list[Sheet]:
    kind = kind_of(path.stem)
    if kind is None:
        raise Unreadable("has none of the known names: " + ", ".join(KINDS))
    try:
        lines = list(within_limit(csv.reader(io.StringIO(decoded(data), newline=""), strict=True)))
    except csv.Error as error:
        raise Unreadable(f"is no valid CSV: {error}") from error
    return [table(path.name, kind, lines, problems)]


def decoded(data: bytes) -> str:
    """UTF-8 with or without its mark; else GB18030, as Chinese Excel writes CSV."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("is neither UTF-8 nor GB18030 text")


def read_xlsx(path: Path, data: bytes, problems: list[BadRow]) -> list[Sheet]:
    from openpyxl import load_workbook  # slow to import, and only this needs it

    check_unpacked_size(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        pages = {page.title: [as_cells(line) for line in within_limit(lines_of(page))] for page in book.worksheets}
    except Unreadable:
        raise
    except Exception as error:  # a broken file fails in many ways inside the library; each means the same
        raise Unreadable(f"is no valid .xlsx: {error}") from error
    kinds = {title: kind_of(title) for title in pages}
    if not any(kinds.values()) and len(kinds) == 1:
        kinds = {title: kind_of(path.stem) for title in kinds}
    if not any(kinds.values()):
        raise Unreadable("has no sheet with a known name: " + ", ".join(KINDS))
    return [table(f"{path.name}, {title}", kind, pages[title], problems) for title, kind in kinds.items() if kind]


def check_unpacked_size(data: bytes) -> None:
    """zipfile never unpacks more of a member than it declares, so the declared sizes can be trusted."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise Unreadable("is no valid .xlsx") from error
    if size > MAX_UNPACKED_BYTES:
        raise Unreadable(f"is larger than {MAX_UNPACKED_BYTES // 1_000_000} MB when unpacked")


def lines_of(page: Any) -> Iterator[tuple[Any, ...]]:
    page.reset_dimensions()  # what the file says of its own size need not be true
    return page.iter_rows(max_col=MAX_COLUMNS, values_only=True)


def as_cells(line: tuple[Any, ...]) -> list[Any]:
    return [as_cell(value) for value in line]


def as_cell(value: Any) -> Any:
    """Text, as CSV has it. A number too long for Excel stays a number, so that a text column refuses it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_IN_EXCEL:
        return str(int(value))
    if isinstance(value, int | float) and abs(value) >= EXACT_IN_EXCEL:
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def within_limit(rows: Iterable[Any]) -> Iterator[Any]:
    for number, row in enumerate(rows):
        if number > MAX_ROWS:
            raise Unreadable(f"has more than {MAX_ROWS} rows")
        yield row


def kind_of(name: str) -> str | None:
    """`items`, `Items-2026`, its Chinese name → items."""
    word = re.split(r"[-_. ]", unicodedata.normalize("NFKC", name).strip().lower())[0]
    return word if word in KINDS else KINDS_IN_CHINESE.get(word)


def table(file: str, kind: str, lines: list[list[Any]], problems: list[BadRow]) -> Sheet:
    """The first line holds the headings; blank lines and columns are passed over."""
    if not lines:
        problems.append(BadRow(file, None, None, "is empty"))
        return Sheet(file, kind, [])
    titles = [str(title).strip() for title in lines[0]]
    fields = [field_of(title, kind) for title in titles]
    for title, name in zip(titles, fields, strict=True):
        if title and name is None:
            problems.append(BadRow(file, 1, title, f"is no column of {kind}"))
        elif name and fields.count(name) > 1:
            problems.append(BadRow(file, 1, title, "stands there twice"))
    rows = []
    for number, line in enumerate(lines[1:], 2):
        cells = [cell.strip() if isinstance(cell, str) else cell for cell in line]
        if any(cell != "" for cell in cells[len(titles) :]):
            problems.append(BadRow(file, number, None, "has more cells than there are headings"))
        elif any(cell != "" for cell in cells):
            rows.append((number, {name: cell for name, cell in zip(fields, cells, strict=False) if name}))
    headings = {name: title for title, name in zip(titles, fields, strict=True) if name}
    return Sheet(file, kind, rows, headings)


def field_of(title: str, kind: str) -> str | None:
    title = unicodedata.normalize("NFKC", title).strip().lower()
    known = KINDS[kind].model_fields.keys() | {"hall"}
    names = HEADINGS.get(title, (re.sub(r"[ -]", "_", title),))
    return next((name for name in names if name in known), None)


WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text (in a spreadsheet: format the column as text)",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "has the wrong form",
}


@dataclass(frozen=True)
class Entry:
    """A good row and where it came from."""

    sheet: Sheet
    number: int
    named_hall: str | None  # in the row itself
    row: Any

    @property
    def key(self) -> Any:
        return getattr(self.row, self.row.key)

    def problem(self, name: str, message: str) -> BadRow:
        return BadRow(self.sheet.file, self.number, self.sheet.headings.get(name, name), message)


def checked(sheet: Sheet, problems: list[BadRow]) -> list[Entry]:
    model = ROWS[sheet.kind]
    entries = []
    for number, cells in sheet.rows:
        values = {name: value for name, value in cells.items() if name != "hall"}
        try:
            row = model.model_validate(with_defaults(values, model))
            entries.append(Entry(sheet, number, cells.get("hall") or None, row))
        except ValidationError as error:
            problems += [bad_row(sheet, number, fault) for fault in error.errors()]
    return entries


def with_defaults(cells: dict[str, Any], model: type[Row]) -> dict[str, Any]:
    """A blank cell means the default, or nothing where there is none; the row then says what is missing."""
    values = {}
    for name, value in cells.items():
        known = model.model_fields.get(name)
        if value not in ("", None) or known is None:
            values[name] = value
        elif not known.is_required():
            values[name] = known.get_default(call_default_factory=True)
    return values


def bad_row(sheet: Sheet, number: int, fault: Any) -> BadRow:
    first, *rest = [str(part) for part in fault["loc"]] or ["row"]
    message = WORDS.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    if fault["type"] == "string_pattern_mismatch":
        message += f": {fault['input']!r:.60} does not match {fault['ctx']['pattern']}"
    return BadRow(sheet.file, number, ".".join([sheet.headings.get(first, first), *rest]), message)
