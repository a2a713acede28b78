"""How routes are described in OpenAPI: every error they may answer, as a problem."""

from typing import Any

from api.problems import KINDS, MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

# beside the whole page: the one that `fields=` leaves some fields of
SPARSE_TOO: dict[str, Any] = {
    "content": {
        "application/vnd.lightline.sparse+json": {
            "schema": {"type": "object", "description": "With `fields=`: the page, of each row the fields asked for."}
        }
    }
}

# What any route with a token may answer.
USUAL = (
    "unknown-host", "not-signed-in", "not-allowed", "too-large", "invalid", "too-many", "rate-limit", "internal",
    "store-down",
)  # fmt: skip


def errors(*more: str, without: tuple[str, ...] = ()) -> Responses:
    """The `responses` of a route: the usual problems and these, by status."""
    out: Responses = {}
    for slug in (*USUAL, *more):
        if slug in without:
            continue
        status, title, _ = KINDS[slug]
        known = out.get(status)
        description = f"{known['description']}; {title}" if known and title not in known["description"] else title
        out[status] = {
            "description": known["description"] if known and title in known["description"] else description,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return out
