"""LitServe: the film is a file of a multipart form."""

import litserve
from fastapi import Request
from reader import DEADLINE_S, PORT, WORKERS, open_reader


class Films(litserve.LitAPI):
    """One reader per worker."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self.read = open_reader()

    def decode_request(self, request: Request) -> bytes:
        """Take the film from the form."""
        return request["film"].file.read()

    def predict(self, film: bytes) -> dict:
        """Read a film."""
        return self.read(film)

    def encode_response(self, output: dict) -> dict:
        """Answer with the logits."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(
        Films(api_path="/read"), accelerator="cpu", devices=1, workers_per_device=WORKERS, timeout=DEADLINE_S
    )
    server.run(host="127.0.0.1", port=PORT, num_api_servers=1, generate_client_file=False, access_log=False)
