"""The private servers that other tests stand on: what was written survives a kill, and what is to be lost is lost."""

from __future__ import annotations

import psycopg
import pytest
import redis
from servers import PostgresServer, RedisServer


@pytest.mark.redis
def test_redis_keeps_what_it_acknowledged_and_loses_it_on_demand(redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("kept", "1")
        redis_server.restart()
        assert client.get("kept") == b"1"
        redis_server.lose_data()
        assert client.get("kept") is None


@pytest.mark.postgres
def test_postgres_keeps_what_it_committed(postgres_server: PostgresServer, postgres_url: str) -> None:
    url = postgres_url.replace("postgresql+psycopg:", "postgresql:")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id integer)")
        connection.execute("INSERT INTO kept VALUES (7)")
        postgres_server.restart()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM kept").fetchall() == [(7,)]


@pytest.mark.postgres
def test_postgres_asks_for_its_password(postgres_server: PostgresServer) -> None:
    wrong = postgres_server.url(driver="postgresql").replace(postgres_server.password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
