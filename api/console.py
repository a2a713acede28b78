"""The console's files: nothing else is served from disk, and nothing comes from another machine."""

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

NAMED_BY_CONTENT = "assets/"  # the build puts a hash into these names, so they never change


class Console(StaticFiles):
    """The built console. Pages live in the fragment, so that index.html is the only page."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        forever = path.startswith(NAMED_BY_CONTENT)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
        return response
