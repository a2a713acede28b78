"""Saved views: one's own under a name, shared with roles by the desk, kept through migrations."""

from datetime import timedelta
from typing import Any

import pytest

from maintenance import database
from maintenance.errors import InputError, NotAllowedError, ViewNotFoundError
from maintenance.ledger import Ledger
from maintenance.views import FILTERS, MOST, View
from tests.maintenance.conftest import NOW

MINE = {"state": "unfinished", "grade": ["P1", "P2"], "area": "east", "text": "进水", "overdue": True}


def save(
    ledger: Ledger, title: str = "我的 urgent", owner: str = "dora", role: str = "dispatcher", **more: Any
) -> View:
    filters = more.pop("filters", MINE)
    return ledger.views.save(title, filters, owner=owner, role=role, now=NOW, **more)


def names(ledger: Ledger, owner: str, role: str) -> list[str]:
    return [view.name for view in ledger.views.seen_by(owner, role)]


def test_a_view_is_kept_under_its_name_and_written_over(ledger: Ledger) -> None:
    view = save(ledger)
    assert (view.owner, view.name, view.filters, view.roles) == ("dora", "我的 urgent", MINE, ())
    later = NOW + timedelta(hours=1)
    again = ledger.views.save("我的 urgent", {"grade": "P1"}, owner="dora", role="dispatcher", now=later)
    assert (again.id, again.filters, again.created_at, again.changed_at) == (view.id, {"grade": "P1"}, NOW, later)
    assert names(ledger, "dora", "dispatcher") == ["我的 urgent"]


def test_others_see_what_is_shared_with_their_role_and_nothing_else(ledger: Ledger) -> None:
    save(ledger, "own")
    shared = save(ledger, "shared", shared_with=["technician", "viewer"])
    save(ledger, "own", owner="tom", role="technician")
    assert names(ledger, "tom", "technician") == ["own", "shared"]
    assert names(ledger, "vic", "viewer") == ["shared"]
    assert names(ledger, "pam", "planner") == []
    with pytest.raises(ViewNotFoundError):
        ledger.views.one(1, owner="tom", role="technician")
    with pytest.raises(NotAllowedError, match="shared by dora"):
        ledger.views.drop(shared.id, owner="tom", role="technician")
    with pytest.raises(NotAllowedError, match="may not share"):
        save(ledger, "x", owner="tom", role="technician", shared_with=["viewer"])
    ledger.views.drop(shared.id, owner="dora", role="dispatcher")
    assert names(ledger, "vic", "viewer") == []


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"colour": "red"}, "colour"), ({"state": "flying"}, "flying"), ({"grade": ["P1", "P9"]}, "P9"),
        ({"overdue": "yes"}, "true or false"), ({"area": ""}, "empty"), ({"area": []}, "1 to 50"),
        ({"area": 7}, "must be text"), ({"text": "x\x00"}, "no database keeps"), ({"area": [["x"]]}, "must be text"),
        ({"line": ["L1", "L2"]}, "must be text"),
    ],
)  # fmt: skip
def test_a_filter_there_is_none_of_is_named(sqlite_ledger: Ledger, filters: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        save(sqlite_ledger, filters=filters)
    assert names(sqlite_ledger, "dora", "dispatcher") == []


def test_roles_there_are_none_of_and_too_many_views_are_refused(sqlite_ledger: Ledger) -> None:
    for role in ("king", "system"):
        with pytest.raises(InputError, match="not among"):
            save(sqlite_ledger, shared_with=[role])
    for n in range(MOST):
        save(sqlite_ledger, f"v{n}")
    with pytest.raises(InputError, match="delete one first"):
        save(sqlite_ledger, "one more")
    save(sqlite_ledger, "v0", filters={"grade": "P1"})


def test_every_filter_is_one_that_a_list_takes(sqlite_ledger: Ledger) -> None:
    for name in FILTERS:
        value: Any = {"state": "open", "grade": "P1", "overdue": NOW}.get(name, "x")
        assert sqlite_ledger.tickets(**{"overdue_at" if name == "overdue" else name: value}) == []


def test_views_of_lines_stand_beside_those_of_tickets_under_the_same_name(ledger: Ledger) -> None:
    save(ledger)
    filters = {"area": "east", "good": "not_good", "known": True, "sort": "margin_db", "text": "HWTC"}
    view = ledger.views.save("我的 urgent", filters, owner="dora", role="dispatcher", now=NOW, kind="lines")
    assert (view.kind, view.filters) == ("lines", filters)
    assert [v.filters for v in ledger.views.seen_by("dora", "dispatcher", "lines")] == [filters]
    assert [v.filters for v in ledger.views.seen_by("dora", "dispatcher")] == [MINE]
    with pytest.raises(ViewNotFoundError):
        ledger.views.one(view.id, owner="dora", role="dispatcher", kind="tickets")
    for strange, says in (({"grade": "P1"}, "grade"), ({"known": "no"}, "true or false"), ({"area": ["a"]}, "text")):
        with pytest.raises(InputError, match=says):
            ledger.views.save("x", strange, owner="dora", role="dispatcher", now=NOW, kind="lines")
    ledger.views.drop(view.id, owner="dora", role="dispatcher")
    assert ledger.views.seen_by("dora", "dispatcher", "lines") == []


def test_views_come_and_go_with_their_revisions(ledger: Ledger, database_url: str) -> None:
    save(ledger)
    ledger.views.save("lines", {"area": "east"}, owner="dora", role="dispatcher", now=NOW, kind="lines")
    engine = database.connect(database_url)
    database.migrate(engine, "0014")  # knows views of tickets only
    database.migrate(engine)
    assert names(ledger, "dora", "dispatcher") == ["我的 urgent"]
    assert ledger.views.seen_by("dora", "dispatcher", "lines") == []
    database.migrate(engine, "0010")
    database.migrate(engine)
    engine.dispose()
    assert names(ledger, "dora", "dispatcher") == []
    save(ledger)
