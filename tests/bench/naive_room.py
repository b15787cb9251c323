"""`python -m tests.bench.naive_room PORT`: a room as tutorials write it, to compare with.

Everybody who connects is in a list, and each event is encoded for and sent to one after the other.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
everybody: list[WebSocket] = []


@app.websocket("/v1/live")
async def room(socket: WebSocket) -> None:
    """Comes in and stays."""
    await socket.accept()
    everybody.append(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        everybody.remove(socket)


@app.post("/say")
async def say(event: dict[str, Any]) -> dict[str, int]:
    """Tells everybody an event."""
    for socket in everybody:
        await socket.send_json(event)
    return {"told": len(everybody)}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
