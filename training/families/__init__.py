"""Generated problem families with exact labels: the domain of the starter model.

A problem is a composition of operations. Everything about it follows from `(family, depth, seed)`, and whether it may
be trained on follows from the composition alone (see `split_of`).
"""

from solvent.training.families.catalog import FAMILIES, generate, generate_samples
from solvent.training.families.sample import Concept, Sample, Split, split_of

__all__ = ["FAMILIES", "Concept", "Sample", "Split", "generate", "generate_samples", "split_of"]
