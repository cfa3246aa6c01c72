"""How people reach it: the command line."""

if __name__ != "solvent.service":
    raise ImportError("import solvent.service, not service: a room loaded under two names has two sets of classes")
