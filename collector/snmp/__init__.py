"""Devices over SNMP: profiles say what to read, the walker reads it gently, decoding makes arrays of it."""

from collector.snmp.asker import Poll, SnmpAsker

__all__ = ["Poll", "SnmpAsker"]
