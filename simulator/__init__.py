"""A plant with physics and known faults, served as real SNMP agents and MQTT clients. Knows plant only."""
