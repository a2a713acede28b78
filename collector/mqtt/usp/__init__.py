"""USP (Broadband Forum TR-369) over MQTT, the controller's side: agents notify us, and we ask them gently."""

from collector.mqtt.usp.form import UspForm

__all__ = ["UspForm"]
