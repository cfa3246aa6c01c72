"""How a problem is solved: budget ledger, trajectory and search graphs, strategies."""

if __name__ != "solvent.agents":
    raise ImportError("import solvent.agents, not agents: a room loaded under two names has two sets of classes")
