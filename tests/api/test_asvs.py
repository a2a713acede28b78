"""docs/asvs.md: every requirement of the levels 1 and 2 once, with a test that is there, a page, or a reason."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+) \|$", re.M)
TESTS = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PAGES = re.compile(r"\[[^]]+\]\(([^)]+)\)")
# OWASP ASVS 5.0.0 has 70 requirements of level 1 and 183 of level 2; by chapter:
COUNTS = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7,
    10: 29, 11: 14, 12: 9, 13: 13, 14: 9, 15: 13, 16: 16, 17: 7,
}  # fmt: skip

PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
ROWS = ROW.findall(PAGE)


@cache
def named_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def test_every_requirement_of_levels_1_and_2_stands_there_once() -> None:
    idents = [ident for ident, _, _ in ROWS]
    assert len(idents) == len(set(idents)) == 253
    assert {c: sum(i.startswith(f"{c}.") for i in idents) for c in COUNTS} == COUNTS


@pytest.mark.parametrize(("ident", "answer"), [(ident, answer) for ident, _, answer in ROWS])
def test_its_tests_and_pages_are_there_or_it_says_why_it_has_none(ident: str, answer: str) -> None:
    named, pages = TESTS.findall(answer), PAGES.findall(answer)
    for file, test in named:
        assert test in named_in(file), f"{ident}: {file} has no {test}"
    for page in pages:
        assert (ROOT / "docs" / page).resolve().exists(), f"{ident}: {page}"
    rest = PAGES.sub("", TESTS.sub("", answer)).strip(" ,;")
    assert named or pages or len(rest) > 8, ident
