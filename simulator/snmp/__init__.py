"""SNMP v2c agents on loopback that serve the simulated OLTs' tables."""
