"""Work in a town, for the planner: jobs and the half days of engineers."""

from random import Random

from maintenance.dispatch.model import Job, Shift

MORNING, AFTERNOON = (510, 720), (840, 1050)  # 08:30 to 12:00, 14:00 to 17:30
DEADLINES = {"P1": 240, "P2": 1440, "P3": 4320, "P4": 14400}  # minutes
SKILLS = ("splicing", "coax", "olt")


def a_town(jobs: int, engineers: int, days: int, seed: int = 3) -> tuple[list[Job], list[Shift]]:
    """Thirty km of a city; half of the engineers have each skill, a third of the customers named half a day."""
    random = Random(seed)
    shifts: list[Shift] = []
    for n in range(engineers):
        lat, lon = 23.1 + random.uniform(-0.15, 0.15), 113.3 + random.uniform(-0.15, 0.15)
        has = frozenset(["basic", *(s for s in SKILLS if random.random() < 0.5)])
        for day in range(days):
            for begin, end in (MORNING, AFTERNOON):
                shifts.append(Shift(len(shifts), f"e{n}", lat, lon, day * 1440 + begin, day * 1440 + end, has))
    return [_job(n + 1, days, random) for n in range(jobs)], shifts


def _job(number: int, days: int, random: Random) -> Job:
    grade = random.choices(["P1", "P2", "P3", "P4"], [1, 10, 40, 49])[0]
    day = random.randrange(days)
    low, high = random.choices([(0, 1 << 30), MORNING, AFTERNOON], [14, 3, 3])[0]
    if high < 1 << 30:
        low, high = day * 1440 + low, day * 1440 + high
    needs = "basic" if random.random() < 0.6 else random.choice(SKILLS)
    lat, lon = 23.1 + random.uniform(-0.18, 0.18), 113.3 + random.uniform(-0.18, 0.18)
    minutes = random.choice([30, 45, 60, 90, 120])
    return Job(number, lat, lon, minutes, grade, DEADLINES[grade], low, high, frozenset([needs]))
