"""The description is complete, its examples are true, and what is described is what is answered."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from pydantic import BaseModel
from schemathesis import GenerationMode
from schemathesis.checks import positive_data_acceptance

from api import schemas
from api.app import create_app
from api.openapi import TAGS
from api.parts import loopback_names
from api.problems import KINDS
from api.schemas import base, coverage, desk, exports, hooks, lines, people, plans, plant, service, tickets, tmf, visits
from storage.protocol import TelemetryStore
from tests.api.conftest import V1, World

# what needs no sign-in, because it is asked before one
PUBLIC = {f"{V1}/{p}" for p in ("healthz", "session", "session/ways", "session/directory", "session/directory/back")}


@pytest.fixture
def app(world: World) -> FastAPI:
    return create_app(world.parts)


@pytest.fixture
def described(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def models() -> list[type[BaseModel]]:
    found = {
        thing
        for module in (base, coverage, desk, exports, hooks, lines, people, plans, plant, service, tickets, tmf, visits)
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, BaseModel) and thing.__module__.startswith(schemas.__name__)
    }
    return sorted(found, key=lambda m: (m.__module__, m.__name__))


async def test_what_is_served_is_what_the_code_describes(world: World, described: dict[str, Any]) -> None:
    assert await world.json("/openapi.json") == described
    assert described["openapi"].startswith("3.1")


def test_every_operation_has_words_a_tag_an_answer_and_its_errors(described: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in described["tags"]}
    for method, path, operation in operations(described):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert set(operation["tags"]) <= tags, where
        assert path in PUBLIC or operation["security"], where
        statuses = operation["responses"]
        assert any(s.startswith("2") or s == "303" for s in statuses), where
        for status, response in statuses.items():
            if not status.startswith(("2", "3")):
                assert list(response["content"]) == ["application/problem+json"], (where, status)
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], where
        if path not in PUBLIC:
            assert {"401", "422", "500"} <= set(statuses), where


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    def references(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    used = set(references(described))
    assert used <= known
    assert known - used == set()


@pytest.mark.parametrize("model", models(), ids=lambda m: m.__name__)
def test_every_model_has_an_example_that_fits_it(model: type[BaseModel]) -> None:
    if model in (base.Answer, base.Query, base.Standing, base.FieldError) or issubclass(model, base.Query):
        return
    extra = model.model_config.get("json_schema_extra")
    if not isinstance(extra, dict):
        assert model in (service.GridName,), f"{model.__name__} has no example"
        return
    example: Any = extra["example"]
    told = model.model_validate(example)
    schema = model.model_json_schema(mode="serialization")
    jsonschema.validate(told.model_dump(mode="json"), schema, format_checker=jsonschema.FormatChecker())
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert set(example) <= {*names, *(told.model_extra or {})}


def test_every_kind_of_problem_is_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for slug, (status, title, _) in KINDS.items():
        assert f"| `{slug}` | {status} | {title} |" in page


async def test_nothing_in_the_description_or_the_answers_asks_another_machine(world: World) -> None:
    async with world.client() as client:
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert (await client.get(path)).status_code == 404
        assert "http://" not in (await client.get(f"{V1}/openapi.json")).text.replace("http://127.0.0.1", "")


# Right values that say nothing together (an end before its start, a cursor of another list) are refused with 422.
LEFT_OUT = [positive_data_acceptance]


@pytest.mark.parametrize("tag", [name for name, _ in TAGS])
def test_generated_requests_find_nothing(make_world: Callable[..., World], store: TelemetryStore, tag: str) -> None:
    """Every operation with right and wrong input; each answer is compared with the description, none is a 5xx."""
    world = make_world(store, refresh_s=3600.0, allowed_hosts=loopback_names("testserver"))
    token = {"Authorization": f"Bearer {world.token('admin')}"}
    schema = schemathesis.openapi.from_asgi(f"{V1}/openapi.json", create_app(world.parts), headers=token)
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")  # wrong for being too large
    asked = 0
    for result in schema.include(tag=tag).get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: schemathesis.Case) -> None:
                nonlocal asked
                asked += 1
                assume(all(value not in ([], {}) for value in (case.query or {}).values()))  # a URL cannot say that
                world.clock.forward(minutes=10)  # wrong tokens are among what is tried: let the wait for them pass
                case.call_and_validate(headers=token, excluded_checks=LEFT_OUT)

            try:
                ask()
            except Unsatisfiable:
                continue  # an operation without input has no wrong input
    assert asked
