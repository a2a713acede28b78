"""What routes take from the application they belong to."""

from fastapi import Request

from api.answers import KeptAnswers
from api.figures import Figures


def figures_in(request: Request) -> Figures:
    figures: Figures = request.app.state.figures
    return figures


def kept_in(request: Request) -> KeptAnswers:
    kept: KeptAnswers = request.app.state.kept
    return kept
