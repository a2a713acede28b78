"""YAML with the line of every key: refuses hostile documents, finds repeated keys."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plant.problems import Problem, Report

MAX_BYTES = 64 << 20
MAX_DEPTH = 12
MAX_NODES = 2_000_000


@dataclass(frozen=True)
class Node:
    """A value and the line it stands on. `value` is a scalar, a list of Nodes or a dict of key → (key line, Node)."""

    value: Any
    line: int

    def items(self) -> Iterator[tuple[str, int, "Node"]]:
        if isinstance(self.value, dict):
            for key, (line, node) in self.value.items():
                yield key, line, node


def read_text(path: Path, report: Report) -> str | None:
    """A UTF-8 text file; None, with the problem reported, where it cannot be read."""
    name = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            report.add(Problem(name, 1, "the file is larger than 64 MiB", "split the lines into files of their own"))
            return None
        data = path.read_bytes()
    except OSError as error:
        report.add(Problem(name, 1, f"cannot be read: {error.strerror}", "check the path and its permissions"))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        guess = encoding_guess(data)
        report.add(Problem(name, line, f"is not UTF-8{guess}", "save it as UTF-8"))
        return None


def encoding_guess(data: bytes) -> str:
    """ " (it looks like GBK)" where the bytes decode as GBK, else nothing."""
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return " (it looks like GBK)"


def compose(path: Path, report: Report) -> Node | None:
    """The document as Nodes; None, with the problem reported, where it is no acceptable YAML."""
    text = read_text(path, report)
    if text is None:
        return None
    name = str(path)
    try:
        depth = 0
        for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                report.add(Problem(name, line, "YAML aliases are not accepted", "write the value out"))
                return None
            tag = getattr(event, "tag", None)
            if tag is not None and not tag.startswith("tag:yaml.org,2002:"):
                report.add(Problem(name, line, f'the YAML tag "{tag}" is not accepted', "write a plain value"))
                return None
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH or count > MAX_NODES:
                report.add(
                    Problem(name, line, "is nested too deeply or too long", "an inventory is flat; see the docs")
                )
                return None
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        return Node({}, 1) if root is None else _node(root, name, report)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark is not None else 1
        report.add(Problem(name, line, f"is not valid YAML: {what}", "mend the syntax there or in the line before"))
        return None


def _node(node: yaml.Node, file: str, report: Report) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return Node([_node(child, file, report) for child in node.value], line)
    if isinstance(node, yaml.MappingNode):
        out: dict[str, tuple[int, Node]] = {}
        for key, value in node.value:
            key_line = key.start_mark.line + 1
            word = str(key.value) if isinstance(key, yaml.ScalarNode) else "(a list or mapping)"
            if word in out:
                first = out[word][0]
                report.add(Problem(file, key_line, f'key "{word}" stands here and in line {first}', "keep one of them"))
            else:
                out[word] = (key_line, _node(value, file, report))
        return Node(out, line)
    loader = yaml.SafeLoader("")
    try:
        return Node(loader.construct_object(node, deep=True), line)
    finally:
        loader.dispose()
