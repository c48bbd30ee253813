"""int8 trunks by ONNX Runtime's static quantisation."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

Float32s = npt.NDArray[np.float32]


class _Films(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, tensors: Float32s) -> None:
        self.films = iter(tensors)

    def get_next(self) -> dict[str, Float32s] | None:
        film = next(self.films, None)
        return None if film is None else {"film": film[None]}


def quantise(trunk: onnx.ModelProto, tensors: Float32s, keep_float: tuple[str, ...] = ()) -> onnx.ModelProto:
    """Quantise a trunk to int8 weights (one scale per channel) and uint8 activations, as QDQ.

    Ranges come from the films `tensors` [n, 1, side, side]; labels are not used. Nodes named in
    `keep_float` stay float32.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "trunk.onnx", Path(folder) / "int8.onnx"
        onnx.save(trunk, str(source))
        quantize_static(
            str(source),
            str(target),
            _Films(tensors),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", "Add", "Clip"],
            nodes_to_exclude=list(keep_float),
        )
        return onnx.load(str(target))
