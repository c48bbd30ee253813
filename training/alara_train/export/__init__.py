"""PyTorch modules to ONNX graphs, and their cost."""
