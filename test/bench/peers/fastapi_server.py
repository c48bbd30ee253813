"""FastAPI on uvicorn: the film is the body of the request."""

import uvicorn
from fastapi import FastAPI, Request
from reader import PORT, WORKERS, open_reader

app = FastAPI()
read = open_reader() if __name__ != "__main__" else None


@app.post("/read")
async def answer(request: Request) -> dict:
    """Read a film. The process reads one film at a time."""
    return read(await request.body())


if __name__ == "__main__":
    uvicorn.run(
        "fastapi_server:app",
        host="127.0.0.1",
        port=PORT,
        workers=WORKERS,
        access_log=False,
        log_level="warning",
        timeout_worker_healthcheck=60,
    )
