"""Caller: who asks, what he may, which part of the plant he sees."""

from dataclasses import dataclass
from typing import Self

from api.people.sessions import Session
from api.people.users import User
from api.roles import Right, Role, may
from api.sight import Sight
from api.tokens import Token


@dataclass(frozen=True)
class Caller:
    """`rights` None: all of the role. `unfinished`: what the account still needs before anything else; else empty."""

    name: str
    role: Role
    sight: Sight
    rights: frozenset[Right] | None = None
    token: Token | None = None
    user: User | None = None
    session: Session | None = None
    unfinished: str = ""

    @classmethod
    def of_token(cls, token: Token, session: Session | None = None) -> Self:
        rights = frozenset(token.rights) if token.rights is not None else None
        return cls(token.name, token.role, sight_of(token.areas, token.grids), rights, token, None, session)

    @classmethod
    def of_user(cls, user: User, session: Session, *, second_factor: bool) -> Self:
        """`second_factor`: whether the role must have one."""
        lacks = ""
        if user.must_change:
            lacks = "the password was given to you by somebody else; choose your own first"
        elif second_factor and not user.second_factor and not user.directory:
            lacks = "your role needs a second factor; set it up first"
        return cls(user.name, user.role, sight_of(user.areas, user.grids), None, None, user, session, lacks)

    @property
    def areas(self) -> frozenset[str] | None:
        """None: all areas."""
        return self.sight.areas

    @property
    def grids(self) -> frozenset[str] | None:
        """None: all grids of the areas."""
        return self.sight.grids

    @property
    def key(self) -> str:
        """What the caller's requests are counted by."""
        return f"token:{self.token.id}" if self.token else f"user:{self.user.id}" if self.user else ""

    @property
    def way(self) -> str:
        """How he was known."""
        return self.session.way if self.session else "token"

    def sees(self, area: str | None, grid: str | None) -> bool:
        """Whether what lies there may be shown: lines, tickets, customers."""
        return self.sight.sees(area, grid)

    def sees_area(self, area: str | None) -> bool:
        """Whether the area's equipment may be shown."""
        return self.sight.sees_area(area)

    def may(self, right: Right) -> bool:
        if self.unfinished and right != "self":
            return False
        return may(self.role, right) and (self.rights is None or right in self.rights)


def sight_of(areas: tuple[str, ...], grids: tuple[str, ...]) -> Sight:
    return Sight(frozenset(areas) if areas else None, frozenset(grids) if grids else None)
