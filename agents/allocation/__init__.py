"""How one budget is shared between the questions of a batch: one file for each policy, found by name."""
