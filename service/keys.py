"""Secrets of API keys.

A secret is 32 random bytes, so nobody finds it by trying; the database keeps its SHA-256 only. A slow hash (bcrypt,
Argon2) protects what people choose from being guessed; against 2^256 possibilities it would add nothing, and it would
cost every request tens of milliseconds. The digest is looked up by an index: how long that takes tells nothing of use,
since nobody can choose a secret by the beginning of its digest.
"""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "sk-"
_BYTES = 32


def new_secret() -> str:
    """Return a new secret; it is shown once and kept nowhere."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def digest_of(secret: str) -> str:
    """Return what the database knows of a secret: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).hexdigest()
