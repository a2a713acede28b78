"""Readings that ONTs publish over MQTT. This module subscribes; it publishes nothing."""

from collector.mqtt.lines import PublishingLines
from collector.mqtt.receiver import BrokerStatus, Receiver

__all__ = ["BrokerStatus", "PublishingLines", "Receiver"]
