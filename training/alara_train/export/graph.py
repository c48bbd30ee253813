"""PyTorch modules as ONNX graphs, and a trunk and a head joined to one served graph."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import compose, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import nn

from alara_train.atomic_file import write_atomic
from alara_train.errors import UserError

OPSET = 17
MOST_DIFFERENCE = 1e-3
"""Largest difference in probability that is accepted between PyTorch and a float32 graph."""


class Unfaithful(UserError):
    """An exported graph does not compute what PyTorch computes."""


def to_onnx(
    module: nn.Module, inputs: tuple[torch.Tensor, ...], names: list[str], outputs: list[str]
) -> onnx.ModelProto:
    """Export a module with the float32 inputs `names` and the outputs `outputs`, for any batch size."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.cpu().eval(),
            inputs,
            buffer,  # type: ignore[arg-type]  # the stub lacks what the function takes
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: {0: "films"} for name in [*names, *outputs]},
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def fuse_pads(model: onnx.ModelProto) -> onnx.ModelProto:
    """Move the padding of `efficientnet_lite.SameConv` into the next convolutions, and remove the Pad nodes.

    A convolution has no unequal padding in PyTorch, but it has in ONNX. A Pad node would cost time, especially
    between quantised layers.
    """
    pads = {node.output[0]: node for node in model.graph.node if node.op_type == "Pad"}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] in pads:
            attribute = {a.name: list(a.ints) for a in node.attribute}
            total = attribute["kernel_shape"][0] - attribute["strides"][0]
            before, after = total // 2, total - total // 2
            node.input[0] = pads[node.input[0]].input[0]
            remaining = [a for a in node.attribute if a.name not in ("pads", "auto_pad")]
            del node.attribute[:]
            node.attribute.extend([*remaining, helper.make_attribute("pads", [before, before, after, after])])
    restart_needed = {output.name for output in model.graph.output}
    alive: list[onnx.NodeProto] = []
    for node in reversed(model.graph.node):
        if restart_needed & set(node.output):
            alive.append(node)
            restart_needed |= set(node.input)
    del model.graph.node[:]
    model.graph.node.extend(reversed(alive))
    return model


def join(trunk: onnx.ModelProto, top: onnx.ModelProto, stages: tuple[str, ...]) -> onnx.ModelProto:
    """Join a trunk's graph and a head's graph; the trunk may be quantised, the head stays float."""
    top = compose.add_prefix(top, "head/", rename_inputs=False, rename_outputs=False)
    model: onnx.ModelProto = compose.merge_models(
        _opset(trunk), _opset(top), io_map=[(stage, stage) for stage in stages]
    )
    model.producer_name = "alara-train"
    model.producer_version = ""
    onnx.checker.check_model(model)
    return model


def _opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep only the default operator set, so that two graphs agree; int8 uses no other."""
    remaining = onnx.ModelProto()
    remaining.CopyFrom(model)
    del remaining.opset_import[:]
    remaining.opset_import.append(helper.make_opsetid("", OPSET))
    remaining.ir_version = 8
    return remaining


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store weights that are float16 values as float16; they are cast to float32 when the graph is loaded.

    Only the file's size changes: a weight that float16 cannot represent exactly is left as it is.
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    casts = []
    for initializer in halved.graph.initializer:
        if initializer.data_type != onnx.TensorProto.FLOAT:
            continue
        value = numpy_helper.to_array(initializer)
        if value.size < 64 or not np.array_equal(value.astype(np.float16).astype(np.float32), value):
            continue
        name = initializer.name
        initializer.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}/half"))
        casts.append(helper.make_node("Cast", [f"{name}/half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    onnx.checker.check_model(halved)
    return halved


def to_float16(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a graph to float16 for GPUs, with casts after the input and before the outputs."""
    copied = onnx.ModelProto()
    copied.CopyFrom(graph)
    half: onnx.ModelProto = convert_float_to_float16(copied, keep_io_types=True)
    _sort(half)
    onnx.checker.check_model(half)
    return half


def _sort(graph: onnx.ModelProto) -> None:
    """Sort nodes after the nodes that they read, in place: the converter appends its casts at the end."""
    made = {value.name for value in [*graph.graph.input, *graph.graph.initializer]} | {""}
    waiting, ordered = list(graph.graph.node), []
    while waiting:
        later = []
        for node in waiting:
            if made.issuperset(node.input):
                ordered.append(node)
                made.update(node.output)
            else:
                later.append(node)
        if len(later) == len(waiting):
            raise Unfaithful("the float16 graph reads a value that no node computes")
        waiting = later
    del graph.graph.node[:]
    graph.graph.node.extend(ordered)


class BadModel(UserError):
    """A model file cannot be opened."""


def has_vnni(cpu_info: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor has VNNI instructions; False where the system does not say."""
    if not cpu_info.exists():
        return False
    return re.search(r"^flags\s*:.*\bavx(512)?_vnni\b", cpu_info.read_text(), re.MULTILINE) is not None


def session(model: onnx.ModelProto | Path, threads: int = 1) -> ort.InferenceSession:
    """Open a graph on the CPU with `threads` intra-op threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # On x64 processors without VNNI, the usual int8 kernels saturate. With VNNI they are exact, and twice as fast as
    # those of the option. The service sets the same option.
    if not has_vnni():
        options.add_session_config_entry("session.x64quantprecision", "1")
    if isinstance(model, onnx.ModelProto):
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    try:
        return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # The exceptions of ONNX Runtime have no public base class.
        raise BadModel(f"{model} is missing or damaged: export the family again") from error


COLUMNS = "served/columns"


def kept_findings(path: Path) -> list[int] | None:
    """The columns that `keep_findings` left in a graph; None if the graph outputs every finding."""
    named = [value for value in onnx.load(str(path)).graph.initializer if value.name == COLUMNS]
    return [int(column) for column in numpy_helper.to_array(named[0])] if named else None


def keep_findings(path: Path, columns: list[int]) -> None:
    """Restrict the outputs `logits` and `cam` of a served graph to these findings, in this order."""
    model = onnx.load(str(path))
    index = numpy_helper.from_array(np.array(columns, dtype=np.int64), COLUMNS)
    model.graph.initializer.append(index)
    for output in model.graph.output:
        if output.name not in ("logits", "cam"):
            continue
        every = f"served/every_{output.name}"
        for node in model.graph.node:
            node.input[:] = [every if name == output.name else name for name in node.input]
            node.output[:] = [every if name == output.name else name for name in node.output]
        model.graph.node.append(helper.make_node("Gather", [every, index.name], [output.name], axis=1))
        output.type.tensor_type.shape.dim[1].dim_value = len(columns)
    onnx.checker.check_model(model)
    write_atomic(path, model.SerializeToString())


def gmacs(model: onnx.ModelProto) -> float:
    """Count multiply-accumulates per film, in thousand millions: convolutions and matrix products."""
    single = onnx.ModelProto()
    single.CopyFrom(model)
    del single.graph.value_info[:]
    for value in [*single.graph.input, *single.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(single, data_prop=True)
    shape = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]
    }
    shape |= {i.name: list(i.dims) for i in inferred.graph.initializer}
    total = 0
    for node in inferred.graph.node:
        if node.op_type == "Conv":
            total += int(np.prod(shape[node.output[0]])) * int(np.prod(shape[node.input[1]][1:]))
        elif node.op_type in ("MatMul", "Gemm"):
            total += int(np.prod(shape[node.output[0]])) * shape[node.input[0]][-1]
    return total / 1e9
