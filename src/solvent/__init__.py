"""Solvent: an agentic solver service (solver + agent). Importing it does no work."""

__version__ = "0.1.0"
