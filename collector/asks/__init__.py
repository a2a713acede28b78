"""One line asked for by itself, now: what may be asked how often, who answers, and how other processes ask."""

from collector.asks.answer import LineAnswer
from collector.asks.client import CollectorAwayError, ask_collector
from collector.asks.server import AskServer
from collector.asks.serving import AskLimits, LineAsks

__all__ = ["AskLimits", "AskServer", "CollectorAwayError", "LineAnswer", "LineAsks", "ask_collector"]
