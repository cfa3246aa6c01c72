"""Where work is spread: the store of jobs and the runner."""

if __name__ != "solvent.workers":
    raise ImportError("import solvent.workers, not workers: a room loaded under two names has two sets of classes")
