"""Readers: files and texts in other people's formats become problems, bad rows become errors that say where."""

from solvent.problems.readers.registry import ReadResult, read, read_one, read_rows, read_text

__all__ = ["ReadResult", "read", "read_one", "read_rows", "read_text"]
