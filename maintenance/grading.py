"""Graded response: how urgent a finding is, and what kind of ticket it becomes. The rows are in grading.yaml."""

from maintenance.rules import EvidenceTest, Grading, ServiceRow
from maintenance.ticket import GRADES, Grade, TicketKind
from plant.finding import Figure, Finding


def service(finding: Finding, rules: Grading) -> str:
    """What the customers have: the first service row whose conditions all hold."""
    return next(row.service for row in rules.service if _holds(finding, row))


def grade(finding: Finding, customers: int, rules: Grading) -> Grade:
    """P1 to P4 for a finding that hits `customers` lines."""
    now = service(finding, rules)
    return next(row.grade for row in rules.grades if now in row.service and customers >= row.customers)


def raised(given: Grade, important: int, rules: Grading) -> Grade:
    """The grade with the lines of important customers counted (`important` of them are hit)."""
    for _ in range(rules.important.steps if important >= rules.important.lines else 0):
        given = higher(given)
    return given


def kind(finding: Finding, rules: Grading) -> TicketKind:
    return "repair" if service(finding, rules) in rules.repair else "inspection"


def higher(given: Grade) -> Grade:
    """The next more urgent grade; P1 stays."""
    return GRADES[max(GRADES.index(given) - 1, 0)]


def worse(one: Grade, other: Grade) -> Grade:
    """The more urgent of two."""
    return min(one, other, key=GRADES.index)


def _holds(finding: Finding, row: ServiceRow) -> bool:
    if row.causes and finding.cause not in row.causes:
        return False
    if row.forecast_days is not None and (finding.forecast is None or finding.forecast.mid > row.forecast_days):
        return False
    return all(_passes(finding.evidence.get(name), test) for name, test in row.evidence.items())


def _passes(figure: Figure | None, test: EvidenceTest) -> bool:
    if figure is None:
        return False
    if isinstance(figure.value, str):
        return test.words is not None and figure.value in test.words
    if test.words is not None:
        return False
    return (test.at_least is None or figure.value >= test.at_least) and (
        test.at_most is None or figure.value <= test.at_most
    )
