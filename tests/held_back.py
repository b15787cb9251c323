"""Ways to a broker that hold back what comes through them, so that a client can be met at a known place.

They live in threads: the event loop of a test sees nothing of them. They must not know who comes through.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Door:
    """Takes connections and passes so many answers of a broker through, of all connections together.

    Attributes:
        port: where it is.
        held: whether it keeps something back by now.
    """

    def __init__(self, broker: str | None, answers: int) -> None:
        self._broker, self._left = broker, answers
        self._open: list[socket.socket] = [socket.create_server(("127.0.0.1", 0))]
        self._threads: list[threading.Thread] = []
        self.port: int = self._open[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.held = False
        self._start(self._accept, self._open[0])

    def close(self) -> None:
        """Ends all connections."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: object, *arguments: object) -> None:
        self._threads.append(threading.Thread(target=self._quietly, args=(work, *arguments), daemon=True))
        self._threads[-1].start()

    @staticmethod
    def _quietly(work, *arguments) -> None:  # type: ignore[no-untyped-def]
        with suppress(OSError, EOFError):
            work(*arguments)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            client, _ = listener.accept()
            self._open.append(client)
            if self._broker is None:
                client.recv(1)
                self.held = True
                continue
            host, _, port = self._broker.rpartition(":")
            broker = socket.create_connection((host, int(port)))
            self._open.append(broker)
            self._start(self._pass_requests, client, broker)
            self._start(self._pass_answers, broker, client)

    def _pass_requests(self, client: socket.socket, broker: socket.socket) -> None:
        while data := client.recv(65536):
            broker.sendall(data)

    def _pass_answers(self, broker: socket.socket, client: socket.socket) -> None:
        while True:
            size = _read(broker, 4)
            answer = size + _read(broker, struct.unpack(">i", size)[0])
            if self._left == 0:
                self.held = True
                return
            self._left -= 1
            client.sendall(answer)


@contextmanager
def holding_door(broker: str | None = None, answers: int = 0) -> Iterator[Door]:
    """A door that holds back every answer after the first few.

    Args:
        broker: who answers; None: nobody, and what is said to the door is never answered.
        answers: how many are let through.
    """
    door = Door(broker, answers)
    try:
        yield door
    finally:
        door.close()


@contextmanager
def crowded_door() -> Iterator[int]:
    """The port of a door before which so many wait already that whoever comes now stays connecting."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(listener.getsockname())
            waiting.append(one)
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


def _read(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received
