"""HOST[:PORT] as the command line takes it, IPv6 in brackets."""

from lightline.problem import UserError


def parse_address(text: str, default_port: int) -> tuple[str, int]:
    """("192.0.2.1", 161) from "192.0.2.1" or "192.0.2.1:161" or "[2001:db8::1]:161". Raises UserError."""
    host, port = text, str(default_port)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise UserError(f'"{text}" is not an address; write IPv6 as [2001:db8::1]:161')
        port = rest[1:] or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host:
        raise UserError(f'"{text}" names no host; write HOST or HOST:PORT')
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise UserError(f'"{port}" in "{text}" is not a port; expected 1 to 65535')
    return host, int(port)
