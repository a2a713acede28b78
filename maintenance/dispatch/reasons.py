"""Why a ticket has no visit: in words for people, as a code for programs."""

from collections.abc import Mapping
from typing import Any, Self

_WORDS: Mapping[str, str] = {
    "nobody_has": "nobody has {}",
    "nobody_has_all": "nobody has all of {}",
    "fixed_time": "its fixed time cannot be kept: the engineer is not there, or has another fixed job then",
    "window": "nobody who is able works within its appointment window",
    "too_long": "it takes longer, with the way there and back, than any working time within its window",
    "busy": "all {} engineers who are able are busy with work at least as urgent",
    "department": "{}: {} decides who goes",
    "held_back": "held back by mode {}",
    "waits_part": "waits for {}",
    "waits_part_until": "waits for {}; expected {} UTC",
    "waits_customer": "waits for the customer",
    "gave_way": "gave way; no other time in these days",
}
_LISTS = frozenset({"nobody_has", "nobody_has_all"})


class Reason(str):
    """The words, with the `code` they are of and the `names` in them."""

    code: str
    names: tuple[str, ...]

    def __new__(cls, code: str, *names: str) -> Self:
        given = (", ".join(names),) if code in _LISTS else names
        made = super().__new__(cls, _WORDS[code].format(*given))
        made.code, made.names = code, names
        return made

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "names": list(self.names)}
