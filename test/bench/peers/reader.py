"""The reading that all peers serve: decode, resize, letterbox and normalise as the catalog says, then run one graph."""

import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

FAMILY = Path(os.environ["PEER_FAMILY"])
VARIANT = os.environ["PEER_VARIANT"]
WORKERS = int(os.environ["PEER_WORKERS"])
PORT = int(os.environ["PEER_PORT"])
DEADLINE_S = float(os.environ["PEER_DEADLINE_S"])


def tensor_of(film: bytes, side: int, given: dict) -> np.ndarray:
    """The input tensor [1, 1, side, side]."""
    image = Image.open(io.BytesIO(film)).convert("L")
    scale = side / max(image.size)
    width, height = (max(1, int(edge * scale + 0.5)) for edge in image.size)
    square = Image.new("L", (side, side))
    square.paste(image.resize((width, height), Image.Resampling.LANCZOS), ((side - width) // 2, (side - height) // 2))
    pixels = np.asarray(square, dtype=np.float32) / np.float32(255)
    return ((pixels - np.float32(given["mean"])) / np.float32(given["std"]))[None, None]


def graph_of(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """A function from an input tensor to logits, on one thread of ONNX Runtime or OpenVINO."""
    if os.environ.get("PEER_RUNTIME") == "openvino":
        import openvino

        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        compiled = openvino.Core().compile_model(str(path), "CPU", settings)
        return lambda film: compiled([film])["logits"]
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Exact int8 kernels on processors without VNNI, as in functions/inference/session.ts.
    if not re.search(r"^flags\s*:.*\bavx(512)?_vnni\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda film: session.run(["logits"], {"film": film})[0]


def open_reader() -> Callable[[bytes], dict]:
    """A function from the bytes of a film to 14 logits, with the model loaded and warm."""
    catalog = json.loads((FAMILY / "catalog.json").read_text())
    variant = next(each for each in catalog["variants"] if each["id"] == VARIANT)
    side, given = variant["resolution"], variant["input"]
    graph = graph_of(FAMILY / variant["file"])
    graph(np.zeros((1, 1, side, side), dtype=np.float32))
    return lambda film: {"logits": np.ravel(graph(tensor_of(film, side, given))).tolist()}
