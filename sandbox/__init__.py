"""Where code runs: the Sandbox protocol, its backends and the judge."""

if __name__ != "solvent.sandbox":
    raise ImportError("import solvent.sandbox, not sandbox: a room loaded under two names has two sets of classes")
