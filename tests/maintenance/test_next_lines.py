"""Old lines in the order in which they are to be replaced."""

from datetime import date

import pyarrow as pa

from maintenance.next_lines import next_lines
from plant.inventory import LINE_SCHEMA, Calendar, Inventory


def test_what_is_broken_comes_before_what_was_repaired_before_what_is_old() -> None:
    rows = [
        {"line_id": "planned", "technology": "coax", "retrofitted": date(2027, 1, 1)},
        {"line_id": "fibre", "technology": "gpon"},
        {"line_id": "young", "technology": "coax", "grid": "g1", "installed": date(2020, 1, 1)},
        {"line_id": "old", "technology": "coax", "grid": "g1", "installed": date(2001, 11, 2)},
        {"line_id": "repaired", "technology": "coax", "grid": "g2"},
        {"line_id": "broken", "technology": "coax"},
    ]
    lines = pa.Table.from_pylist(rows, LINE_SCHEMA)
    inventory = Inventory({}, {}, (), lines, {}, Calendar())
    found = next_lines(inventory, date(2026, 11, 2), {"broken", "fibre"}, {"repaired": 2}, 10)
    assert [n.line_id for n in found] == ["broken", "repaired", "old", "young"]
    assert (found[2].age_years, found[2].together, found[1].repairs) == (25, 2, 2)
    assert next_lines(inventory, date(2026, 11, 2), (), {}, 1)[0].line_id == "old"
    assert (
        next_lines(Inventory({}, {}, (), LINE_SCHEMA.empty_table(), {}, Calendar()), date(2026, 1, 1), (), {}, 9) == []
    )
