"""MLServer: the film is a base64 text in an inference request of the V2 protocol."""

import asyncio
import base64

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from reader import PORT, WORKERS, open_reader


class Films(MLModel):
    """One reader per worker."""

    async def load(self) -> bool:
        """Load the model."""
        self.read = open_reader()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Read a film."""
        logits = self.read(base64.b64decode(payload.inputs[0].data[0]))["logits"]
        output = ResponseOutput(name="logits", shape=[1, len(logits)], datatype="FP32", data=logits)
        return InferenceResponse(model_name=self.name, outputs=[output])


async def serve() -> None:
    """Serve until the process ends."""
    settings = Settings(
        host="127.0.0.1",
        http_port=PORT,
        grpc_port=PORT + 1,
        metrics_endpoint=None,
        parallel_workers=WORKERS,
        debug=False,
    )
    server = MLServer(settings)
    await server.start([ModelSettings(name="read", implementation="mlserver_server.Films")])


if __name__ == "__main__":
    asyncio.run(serve())
