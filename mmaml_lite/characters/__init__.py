"""Few-shot characters: Omniglot, and invented characters where it is not at hand."""

SIDE = 28  # pixels of an image's side
DRAWINGS = 20  # of each character in Omniglot, each by another person
