"""Few-shot regression: families of one-dimensional functions, and mixtures of them."""
