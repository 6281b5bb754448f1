"""mmaml-lite: multimodal model-agnostic meta-learning, small to read and fast to use."""

__version__ = "0.1.0"
