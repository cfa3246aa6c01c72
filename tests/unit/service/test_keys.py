import hashlib
import re

from solvent.service.http.gate import is_loopback
from solvent.service.keys import digest_of, new_secret


def test_secrets_are_long_random_and_stored_as_a_digest() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"sk-[A-Za-z0-9_-]{43}", secret) for secret in secrets), "32 bytes, 256 bits"
    one = secrets.pop()
    assert digest_of(one) == hashlib.sha256(one.encode()).hexdigest()
    assert one.removeprefix("sk-") not in digest_of(one)
    digest_of("\udcff")  # whatever a header holds


def test_only_names_that_cannot_lead_elsewhere_are_loopback() -> None:
    for host in ("localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1"):
        assert is_loopback(host), host
    for host in ("", "0.0.0.0", "::", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "8.8.8.8"):
        assert not is_loopback(host), host
