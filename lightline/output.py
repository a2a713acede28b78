"""How results are printed: tables for people, JSON for programs; no colours when piped."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table


def console() -> Console:
    """A console on standard output; plain text when it is no terminal, wide enough not to cut rows then."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY) + b"\n")
    sys.stdout.flush()


def print_json_line(value: Any) -> None:
    """One JSON document on one line, for streams of them."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table with numbers right-aligned; None becomes an empty cell."""
    body = [["" if cell is None else cell for cell in row] for row in rows]
    numeric = [
        i for i in range(len(columns)) if body and all(isinstance(r[i], int | float) or r[i] == "" for r in body)
    ]
    table = lean_table(title, columns, numeric)
    for row in body:
        table.add_row(*[_text(cell) for cell in row])
    console().print(table)


def lean_table(title: str, columns: Sequence[str], right: Sequence[int] = ()) -> Table:
    """An empty table as `print_table` prints it; `right` are the columns that hold numbers."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index in right else "left", overflow="fold")
    return table


@contextlib.contextmanager
def counting(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error while a person looks at it; call what it gives with how many more are done."""
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def _text(cell: Any) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)
