"""Profiles, prompts and tables that ship with the package."""

if __name__ != "solvent.configs":
    raise ImportError("import solvent.configs, not configs: a room loaded under two names has two sets of classes")
