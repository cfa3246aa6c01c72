"""What was learned: concepts and their store."""

if __name__ != "solvent.memory":
    raise ImportError("import solvent.memory, not memory: a room loaded under two names has two sets of classes")
