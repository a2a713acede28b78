"""docs/profiles.md tells what the profiles read; this module, run as a program, writes its table."""

from pathlib import Path

from collector.profile import Profile, load_profiles

DOCS = Path(__file__).resolve().parents[3] / "docs" / "profiles.md"
BEGIN, END = "<!-- made by: python -m tests.collector.snmp.test_docs -->\n", "<!-- /made -->"


def table() -> str:
    rows = ["| profile | gear | proved on | of lines | of PON ports |", "|---|---|---|---|---|"]
    rows += [
        f"| `{p.name}` | {p.title} | {p.source} | {_fields(p, 'line')} | {_fields(p, 'pon')} |"
        for p in load_profiles().values()
    ]
    return "\n".join(rows) + "\n"


def _fields(profile: Profile, of: str) -> str:
    names = dict.fromkeys(c.field.name for t, c in profile.columns() if t.of == of)
    return ", ".join(f"`{n}`" for n in names) or "none"


def written(text: str) -> str:
    head, rest = text.split(BEGIN)
    return head + BEGIN + table() + END + rest.split(END)[1]


def test_the_table_of_profiles_is_that_of_the_data() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert text == written(text), "run: python -m tests.collector.snmp.test_docs"


if __name__ == "__main__":
    DOCS.write_text(written(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
