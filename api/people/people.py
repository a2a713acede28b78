"""People: everything that is kept of them, in one file."""

import sqlalchemy as sa

from api.people.audit import Audit
from api.people.failures import Failures
from api.people.sessions import Sessions
from api.people.users import Users


class People:
    """The parts share the file and its engine; whoever opened that closes it."""

    def __init__(self, engine: sa.Engine) -> None:
        self.users = Users(engine)
        self.sessions = Sessions(engine)
        self.failures = Failures(engine)
        self.audit = Audit(engine)
