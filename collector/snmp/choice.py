"""Which profile fits a device: what answers decides; the sysObjectID is only a hint where several would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.asking import Chosen
from collector.profile import Profile
from collector.snmp.session import Value
from collector.snmp.text import octets_as_text
from collector.snmp.walk import Walker

SYS_DESCR, SYS_OBJECT_ID, SYS_NAME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.5.0"
ENTERPRISES = "1.3.6.1.4.1"
_MOST_SUBTREES = 32  # enterprises looked at: gear that tells of more does not exist
_SHOWN = 100  # characters of sysDescr


@dataclass(frozen=True)
class _Fit:
    profile: Profile
    answered: tuple[str, ...]
    hint: int  # length of the sysObjectID that matched


async def choose_profile(walker: Walker, profiles: Mapping[str, Profile], wanted: str = "auto") -> Chosen:
    """The profile that fits what the device answers, or none, and why. Raises what the walker raises.

    `wanted` names a profile that is taken whatever answers.
    """
    system = await walker.scalars([SYS_DESCR, SYS_OBJECT_ID, SYS_NAME])
    object_id = str(system.get(SYS_OBJECT_ID) or "").lstrip(".")
    evidence = _told(system, object_id)
    if wanted != "auto":
        return await _named(walker, profiles, wanted, evidence)
    subtrees = await _subtrees(walker)
    evidence.append("subtrees that answer: " + (", ".join(subtrees) or "none below 1.3.6.1.4.1"))
    own = [p for p in profiles.values() if not p.shows]
    fits = await _fits(walker, own, subtrees, object_id)
    if not fits:
        shown = [p for p in profiles.values() if p.shows and await _shows(walker, p)]
        fits = await _fits(walker, shown, subtrees, object_id)
    if not fits:
        return Chosen(None, _nothing_fits(profiles, object_id, subtrees), tuple(evidence))
    # The standard tables of 1.3.6.1.2.1 stand behind a maker's own: they tell less.
    # Tables of lines decide before tables of ports.
    fits.sort(key=lambda f: (_standard(f.profile), not _tells_lines(f), -len(f.answered), -f.hint, f.profile.name))
    best, others = fits[0], fits[1:]
    evidence += [f"{f.profile.name}: answers {', '.join(f.answered)}" for f in fits]
    hinted = f"; sysObjectID {object_id} agrees" if best.hint else ""
    reason = f"{best.profile.title}: {len(best.answered)} of {len(best.profile.answers)} deciding tables answer{hinted}"
    if others:
        reason += "; less fitting: " + ", ".join(f"{f.profile.name} ({len(f.answered)})" for f in others)
    return Chosen(best.profile.name, reason, tuple(evidence), best.profile.tiers, best.profile.floor_s)


async def _fits(walker: Walker, profiles: Sequence[Profile], subtrees: Sequence[str], object_id: str) -> list[_Fit]:
    """Those of the profiles whose deciding tables answer."""
    out = []
    for profile in profiles:
        if any(_may_answer(oid, subtrees) for oid in profile.answers):
            answered = await _answers(walker, profile, subtrees)
            if answered:
                out.append(_Fit(profile, answered, _hint(profile, object_id)))
    return out


async def _shows(walker: Walker, profile: Profile) -> bool:
    """Whether a fall-back finds anything of its kind: a value that matches."""
    for shows in profile.shows:
        for value in (await walker.column(shows.column)).values:
            text = octets_as_text(value) if isinstance(value, bytes) else str(value)
            if text is not None and shows.pattern.search(text):
                return True
    return False


async def _named(walker: Walker, profiles: Mapping[str, Profile], wanted: str, evidence: list[str]) -> Chosen:
    profile = profiles.get(wanted)
    if profile is None:
        return Chosen(None, f'no profile is named "{wanted}"; there are: {", ".join(profiles)}', tuple(evidence))
    answered = await _answers(walker, profile, None)
    evidence.append(f"{wanted}: answers {', '.join(answered) or 'nothing'}")
    reason = "asked for by name" + ("" if answered else ", though none of its deciding tables answers")
    return Chosen(wanted, reason, tuple(evidence), profile.tiers, profile.floor_s)


def _told(system: Mapping[str, Value], object_id: str) -> list[str]:
    out = [f"sysObjectID {object_id}" if object_id else "sysObjectID not told"]
    for name, oid in (("sysDescr", SYS_DESCR), ("sysName", SYS_NAME)):
        value = system.get(oid)
        text = octets_as_text(value) if isinstance(value, bytes) else None
        if text:
            out.append(f"{name} {' '.join(text.split())[:_SHOWN]}")
    return out


async def _subtrees(walker: Walker) -> list[str]:
    """The enterprises that answer, by one GETNEXT each: `1.3.6.1.4.1.2011`."""
    found: list[str] = []
    after = ENTERPRISES
    while len(found) < _MOST_SUBTREES:
        pair = await walker.next(after, ENTERPRISES)
        if pair is None:
            break
        number = int(pair[0].split(".")[6])
        if found and number <= int(found[-1].split(".")[6]):
            break  # the agent goes round in circles
        found.append(f"{ENTERPRISES}.{number}")
        after = f"{ENTERPRISES}.{number}.4294967295"
    return found


def _may_answer(oid: str, subtrees: Sequence[str]) -> bool:
    return not _within(oid, ENTERPRISES) or any(_within(oid, tree) for tree in subtrees)


def _within(oid: str, tree: str) -> bool:
    return oid == tree or oid.startswith(tree + ".")


async def _answers(walker: Walker, profile: Profile, subtrees: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(
        [
            oid
            for oid in profile.answers
            if (subtrees is None or _may_answer(oid, subtrees)) and await walker.next(oid, oid) is not None
        ]
    )


def _hint(profile: Profile, object_id: str) -> int:
    return max((len(oid) for oid in profile.sys_object_id if _within(object_id, oid)), default=0)


def _tells_lines(fit: _Fit) -> bool:
    return any(oid in fit.answered for _, column in fit.profile.columns("line") for oid in column.oids)


def _standard(profile: Profile) -> bool:
    return not any(_within(oid, ENTERPRISES) for oid in profile.answers)


def _nothing_fits(profiles: Mapping[str, Profile], object_id: str, subtrees: Sequence[str]) -> str:
    hinted = [p.name for p in profiles.values() if _hint(p, object_id)]
    if hinted:
        return (
            f"sysObjectID {object_id} is that of {', '.join(hinted)}, but none of the tables that the profile reads "
            "answers: nothing optical here, or the SNMP view of these credentials hides it"
        )
    if not subtrees:
        return (
            "nothing below 1.3.6.1.4.1 answers: the SNMP view of these credentials may be limited to the system group"
        )
    return (
        f"no profile reads any of the subtrees that answer ({', '.join(subtrees)}); "
        "docs/profiles.md tells how to add one"
    )
