"""Who writes: the ChatModel protocol, OpenAI-compatible endpoints and the bundled starter model."""

if __name__ != "solvent.models":
    raise ImportError("import solvent.models, not models: a room loaded under two names has two sets of classes")
