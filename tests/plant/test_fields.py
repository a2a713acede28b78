"""The page of fields says what the code reads."""

from pathlib import Path

from plant.fields import fields

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fields.md"


def test_the_page_of_fields_is_complete_and_true() -> None:
    told = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    rows = []
    for name, field in fields().items():
        limits = f"{field.low:g} … {field.high:g}" if field.low is not None and field.high is not None else ""
        words = ", ".join(field.words)
        rows.append(
            f"| `{name}` | {field.en} | {field.zh} | {field.of} | {field.kind} | {field.unit} | {limits}{words} |"
        )
    assert told == rows
