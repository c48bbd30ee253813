"""Ray Serve: the film is the body of the request; one replica per worker."""

import ray
from ray import serve
from reader import DEADLINE_S, PORT, WORKERS, open_reader
from starlette.requests import Request


@serve.deployment(num_replicas=WORKERS, ray_actor_options={"num_cpus": 1})
class Films:
    """One reader per replica."""

    def __init__(self) -> None:
        """Load the model."""
        self.read = open_reader()

    async def __call__(self, request: Request) -> dict:
        """Read a film."""
        return self.read(await request.body())


if __name__ == "__main__":
    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT, "request_timeout_s": DEADLINE_S})
    serve.run(Films.bind(), route_prefix="/read", blocking=True)
