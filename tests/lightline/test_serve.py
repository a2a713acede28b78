"""Where the API listens."""

import socket

from lightline.commands.serve import _listen


def test_an_answer_is_sent_in_parts_without_waiting_for_acknowledgements() -> None:
    with _listen("127.0.0.1", 0) as listening:
        listening.listen()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
