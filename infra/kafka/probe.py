"""Asks one broker whether it is there and serves, over a plain socket: no event loop, no client that tries again.

It must not know where the broker comes from.
"""

import io
import socket
import struct

from aiokafka.protocol.api import RequestHeader_v1
from aiokafka.protocol.metadata import MetadataRequest_v5

ANSWER_SECONDS = 2.0
LONGEST_ANSWER_BYTES = 1_000_000


def answers(host: str, port: int) -> bool:
    """Whether a broker listens there and has been let into its cluster, so that topics can be made."""
    request = MetadataRequest_v5([], False)
    message = RequestHeader_v1(request, client_id="mimo").encode() + request.encode()
    try:
        with socket.create_connection((host, port), ANSWER_SECONDS) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.sendall(struct.pack(">i", len(message)) + message)
            (length,) = struct.unpack(">i", _read(connection, 4))
            answer = io.BytesIO(_read(connection, min(length, LONGEST_ANSWER_BYTES)))
    except (OSError, EOFError):
        return False
    answer.read(4)  # the number of the request
    return bool(request.RESPONSE_TYPE.decode(answer).brokers)


def _read(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received
