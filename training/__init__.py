"""How the bundled starter model was made: problem families, trainer, export, evaluation."""

if __name__ != "solvent.training":
    raise ImportError("import solvent.training, not training: a room loaded under two names has two sets of classes")
