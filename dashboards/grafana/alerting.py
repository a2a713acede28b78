"""Alert rules as Grafana's provisioning reads them: queries, expressions over them, a threshold."""

from typing import Any

from dashboards.grafana.building import PROMETHEUS_UID, Make, asked_of
from dashboards.grafana.queries import Scope
from dashboards.grafana.spec import Alerts, Language, Rule, alerts
from plant.pon_classes import pon_classes

EXPRESSIONS = "__expr__"
PROMETHEUS_SPAN_S = 600


def provisioning(make: Make, shares: dict[str, float]) -> dict[str, Any]:
    """The alerting file. `shares` are figures of the analyzer that rules name."""
    told: Alerts = alerts()
    rules = [made for rule in told.rules for made in _rules(rule, make, shares)]
    title = told.group.say(make.language)
    return {
        "apiVersion": 1,
        "groups": [{"orgId": 1, "name": title, "folder": title, "interval": told.every, "rules": rules}],
    }


def _rules(rule: Rule, make: Make, shares: dict[str, float]) -> list[dict[str, Any]]:
    if rule.outside is None:
        return [_rule(rule, rule.uid, Scope(), _threshold(rule, shares), "", make)]
    return [
        _rule(rule, f"{rule.uid}-{name.replace('+', 'p').replace('_', '-')}", Scope(devices=devices),
              ("outside_range", list(getattr(pon_classes()[name], rule.outside))), f" ({name})", make)
        for name, devices in make.classes.devices.items()
    ]  # fmt: skip


def _threshold(rule: Rule, shares: dict[str, float]) -> tuple[str, list[float]]:
    if rule.above is not None:
        return "gt", [rule.above]
    if rule.below_rest_of is not None:
        return "lt", [round(1 - shares[rule.below_rest_of], 6)]
    assert rule.below is not None  # noqa: S101 - Rule has checked that one is there
    return "lt", [rule.below]


def _rule(
    rule: Rule, uid: str, scope: Scope, threshold: tuple[str, list[float]], more: str, make: Make
) -> dict[str, Any]:
    data: list[dict[str, Any]] = []
    if rule.expr is not None:
        model = {"refId": "A", "expr": rule.expr, "instant": True, "range": False, "editorMode": "code"}
        data.append(_datum("A", PROMETHEUS_UID, PROMETHEUS_SPAN_S, model))
        value = "A"
    else:
        for name, read in rule.reads.items():
            asked = asked_of(read, scope, make)
            data.append(_datum(f"{name}_SERIES", make.store_of(read.level), read.over or 0, asked))
            reduced = {"type": "reduce", "expression": f"{name}_SERIES", "reducer": "last"}
            data.append(_datum(name, EXPRESSIONS, 0, reduced))
        value = next(iter(rule.reads))
    if rule.math is not None:
        data.append(_datum("VALUE", EXPRESSIONS, 0, {"type": "math", "expression": rule.math}))
        value = "VALUE"
    kind, numbers = threshold
    conditions = [{"evaluator": {"type": kind, "params": numbers}}]
    data.append(_datum("VERDICT", EXPRESSIONS, 0, {"type": "threshold", "expression": value, "conditions": conditions}))
    simulated = {"simulated": "true"} if make.simulated else {}
    return {
        "uid": f"lightline-{uid}",
        "title": rule.title.say(make.language) + more + _mark(make.simulated, make.language),
        "condition": "VERDICT",
        "data": [_escaped(d) for d in data],
        "for": rule.for_,
        "noDataState": rule.silence,
        "execErrState": "Error",
        "labels": {"severity": rule.severity, "source": "lightline", **simulated},
        "annotations": {"summary": _escaped(rule.about.say(make.language))},
    }


def _mark(simulated: bool, language: Language) -> str:
    return ({"zh": "（模拟）", "en": " (simulated)"}[language]) if simulated else ""


def _datum(ref: str, source: str, span_s: int, model: dict[str, Any]) -> dict[str, Any]:
    kind = {EXPRESSIONS: EXPRESSIONS, PROMETHEUS_UID: "prometheus"}.get(source, "influxdb")
    return {
        "refId": ref,
        "relativeTimeRange": {"from": span_s, "to": 0},
        "datasourceUid": source,
        "model": {**model, "refId": ref, "datasource": {"type": kind, "uid": source}},
    }


def _escaped(value: Any) -> Any:
    """Provisioning files have their `$NAME` filled from the environment; `$$` is a dollar sign that stays."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(v) for key, v in value.items()}
    return [_escaped(v) for v in value] if isinstance(value, list) else value
