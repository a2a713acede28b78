"""Handing a message to a person's service: the only place that knows apprise."""

from collections.abc import Callable

import apprise

from plant.secrets import SecretError, resolve

Send = Callable[[str, str, str], None]
"""Address by reference, title, body. Raises UnsentError."""


class UnsentError(Exception):
    """The message did not get through; says why, never the address."""


def send(reference: str, title: str, body: str) -> None:
    """Wait until the recipient's service has taken the message."""
    try:
        address = resolve(reference)
    except SecretError as error:
        raise UnsentError(str(error)) from None
    asset = apprise.AppriseAsset(app_id="Lightline", app_desc="Lightline", async_mode=False, secure_logging=True)
    service = apprise.Apprise(asset=asset)
    if not service.add(address):
        raise UnsentError(f"{reference} is no address that apprise knows; see its list of services")
    if not service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
        raise UnsentError(f"the service behind {reference} did not take the message")
