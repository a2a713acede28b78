"""One line asked for by itself, now, or a device's states: what may be asked how often, and how other processes ask."""

from collector.asks.answer import LineAnswer
from collector.asks.client import CollectorAwayError, ask_collector, look_at_device
from collector.asks.looking import DeviceLook, look_at
from collector.asks.server import AskServer
from collector.asks.serving import AskLimits, LineAsks

__all__ = [
    "AskLimits", "AskServer", "CollectorAwayError", "DeviceLook", "LineAnswer", "LineAsks", "ask_collector", "look_at",
    "look_at_device",
]  # fmt: skip
