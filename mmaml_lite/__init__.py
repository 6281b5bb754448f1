"""mmaml-lite: multimodal model-agnostic meta-learning, small enough to read and fast enough to use."""

__version__ = "0.1.0"
