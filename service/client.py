"""A client of the HTTP door, for the command line and for programs; docs/http.md describes the interface."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import Any

import httpx2

from solvent import __version__
from solvent.artifacts import checked
from solvent.errors import (
    ConfigError,
    Conflict,
    DataError,
    DependencyError,
    InternalError,
    NotFound,
    QuotaExceeded,
    SolventError,
    StoreError,
)
from solvent.service.sse import read_events
from solvent.workers.envelope import EventEnvelope, read_envelope

Body = Mapping[str, Any]
ATTEMPTS = 4
"""How often a request is sent that may be sent again: one that changes nothing, or that carries an idempotency key."""
WAITS_S = (0.2, 1.0, 3.0)
STREAM_ATTEMPTS = 8
"""How often a stream is taken up again in a row without anything new."""
SILENCE_S = 50.0
"""A stream of events that is silent for three heartbeats is dead."""
_AGAIN = frozenset({502, 503, 504})


class Client:
    """One server. For use by one thread.

    Args:
        url: of the server, with or without `/v1`.
        api_key: the secret, where the server asks for one.
        timeout_s: how long an answer may take, streams apart.
    """

    def __init__(self, url: str, api_key: str | None = None, *, timeout_s: float = 60.0) -> None:
        base = url.rstrip("/").removesuffix("/v1")
        if not base.startswith(("http://", "https://")):
            raise ConfigError(f"{url!r} is no URL of a server", remedy="write it like http://127.0.0.1:8088")
        headers = {"user-agent": f"solvent/{__version__}"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self.url = base
        # The environment's proxies are for the world outside; a key is not sent through one by chance.
        self._http = httpx2.Client(base_url=base, headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit_job(self, request: Body, *, idempotency_key: str | None = None) -> dict[str, Any]:
        """Submit one job; returns it as it stands. Sent again by itself where an answer is lost, and done once."""
        return self._post("/v1/jobs", request, idempotency_key or str(uuid.uuid4()))

    def submit_batch(self, request: Body, *, idempotency_key: str | None = None) -> dict[str, Any]:
        """Submit a batch; see `submit_job`."""
        return self._post("/v1/batches", request, idempotency_key or str(uuid.uuid4()))

    def estimate_batch(self, request: Body) -> dict[str, Any]:
        """Return what a batch would take; nothing of it is stored."""
        return self._post("/v1/batches/estimate", request, str(uuid.uuid4()))

    def standings(self, batch_id: str, *, unfreeze: bool = False) -> dict[str, Any]:
        """Return the board of a contest."""
        return self._get(f"/v1/batches/{_segment(batch_id)}/standings?unfreeze={str(unfreeze).lower()}")

    def plan_report(self, batch_id: str, *, unfreeze: bool = False) -> dict[str, Any]:
        """Return what a batch's plan has come to so far."""
        return self._get(f"/v1/batches/{_segment(batch_id)}/report?unfreeze={str(unfreeze).lower()}")

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as it stands."""
        return self._get(f"/v1/jobs/{_segment(job_id)}")

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Return a batch as it stands."""
        return self._get(f"/v1/batches/{_segment(batch_id)}")

    def jobs(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest jobs, newest first."""
        return self._newest("/v1/jobs", limit)

    def batches(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest batches, newest first."""
        return self._newest("/v1/batches", limit)

    def artifacts(self, job_id: str) -> list[dict[str, Any]]:
        """Return id, size and type of a job's artifacts, oldest first."""
        found: list[dict[str, Any]] = self._get(f"/v1/jobs/{_segment(job_id)}/artifacts")["data"]
        return found

    def artifact(self, artifact_id: str) -> str:
        """Return the text of an artifact.

        Raises:
            NotFound: no job of the key's project has it.
            DependencyError: the server cannot be reached, or sent something else.
        """
        path = f"/v1/artifacts/{_segment(artifact_id)}"
        answer = self._answer(lambda: self._http.get(path))
        try:
            return checked(artifact_id, answer.content, f"from {self.url}")
        except StoreError as error:
            raise DependencyError(f"{self.url} sent another text than artifact {artifact_id[:12]}") from error

    def concepts(self, **asked: Any) -> dict[str, Any]:
        """Return a page of concepts; `asked` as docs/http.md has it, None and False left out."""
        return self._get("/v1/concepts", _asked(asked))

    def concept(self, concept_id: str, **asked: Any) -> dict[str, Any]:
        """Return a concept."""
        return self._get(f"/v1/concepts/{_segment(concept_id)}", _asked(asked))

    def concept_history(self, concept_id: str, **asked: Any) -> list[dict[str, Any]]:
        """Return all versions of a concept, oldest first."""
        found: list[dict[str, Any]] = self._get(f"/v1/concepts/{_segment(concept_id)}/history", _asked(asked))["data"]
        return found

    def memory_report(self, **asked: Any) -> dict[str, Any]:
        """Return what the memory was worth."""
        return self._get("/v1/concepts/report", _asked(asked))

    def cancel(self, run_id: str) -> dict[str, Any]:
        """Ask a job or a batch to stop."""
        return self._post(f"{path_of(run_id)}/cancel")

    def retry(self, run_id: str) -> dict[str, Any]:
        """Queue what failed, expired or was cancelled again."""
        return self._post(f"{path_of(run_id)}/retry")

    def events(self, job_id: str, *, after: int = 0) -> Iterator[EventEnvelope]:
        """Yield a job's events until it has ended, across any number of lost connections: none is missed or doubled.

        Raises:
            DependencyError: the server cannot be reached any more.
        """
        path, failures = f"/v1/jobs/{_segment(job_id)}/events", 0
        while True:
            try:
                headers = {"accept": "text/event-stream", "last-event-id": str(after)}
                with self._http.stream("GET", path, headers=headers, timeout=_stream_timeout()) as answer:
                    if answer.status_code == 204:
                        return
                    if answer.status_code in _AGAIN:
                        raise DependencyError(f"{self.url} answers {answer.status_code}")
                    _check(answer)
                    for event in read_events(answer.iter_lines()):
                        envelope = read_envelope(event.data)
                        after, failures = int(event.id), 0
                        yield envelope
            except (httpx2.TransportError, DependencyError) as error:
                failures = self._again(failures, error)

    def results(self, batch_id: str, *, follow: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the result rows of a batch, each once, in the order in which their jobs end.

        Args:
            batch_id: the batch.
            follow: go on until all have ended, across any number of lost connections.

        Raises:
            DependencyError: the server cannot be reached any more.
        """
        seen: set[tuple[str, int]] = set()
        ended: set[str] = set()
        after, failures, params = "", 0, {"follow": "true"} if follow else {}
        while True:
            try:
                for row in self.rows(batch_id, **params, after=after):
                    failures = 0
                    if row.get("shared_with") is None:
                        # The last row of its job.
                        after = row["job_id"]
                        ended.add(after)
                    place = (row["job_id"], row.get("position", 0))
                    if place not in seen:
                        seen.add(place)
                        yield row
                if not follow or len(ended) >= self.batch(batch_id)["total"]:
                    return
                # Rows of jobs that were retried meanwhile: from the beginning, without those that were seen.
                after = ""
                failures = self._again(failures, DependencyError(f"results of {batch_id} are incomplete"))
            except httpx2.ReadTimeout:
                # Nothing has ended for a while. Whether the server is still there, a request tells.
                self.batch(batch_id)
            except (httpx2.TransportError, DependencyError) as error:
                failures = self._again(failures, error)

    def rows(self, batch_id: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of one request for results; `params` as docs/http.md has them.

        Raises:
            DependencyError: the server broke off.
        """
        path = f"/v1/batches/{_segment(batch_id)}/results"
        with self._http.stream("GET", path, params=params, timeout=_stream_timeout()) as answer:
            if answer.status_code in _AGAIN:
                raise DependencyError(f"{self.url} answers {answer.status_code}")
            _check(answer)
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)

    def single_jobs(self, limit: int, *, most_looked_at: int = 2000) -> list[dict[str, Any]]:
        """Return the newest jobs that belong to no batch, newest first, among the newest of all."""
        found = (job for job in self._pages("/v1/jobs", 200, most_looked_at) if job["batch_id"] is None)
        return list(islice(found, limit))

    def _newest(self, path: str, limit: int) -> list[dict[str, Any]]:
        return list(self._pages(path, min(limit, 200), limit))

    def _pages(self, path: str, size: int, limit: int) -> Iterator[dict[str, Any]]:
        given, cursor = 0, None
        while given < limit:
            params = {"limit": str(min(limit - given, size))} | ({"cursor": cursor} if cursor else {})
            page = self._get(path, params)
            yield from page["data"]
            given, cursor = given + len(page["data"]), page["next"]
            if cursor is None:
                return

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self._send(lambda: self._http.get(path, params=params))

    def _post(self, path: str, body: Body | None = None, idempotency_key: str | None = None) -> dict[str, Any]:
        headers = {"content-type": "application/json"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        content = json.dumps(body or {}, ensure_ascii=False).encode("utf-8", errors="surrogatepass")
        # Cancel and retry may come twice: the second finds nothing more to do.
        return self._send(lambda: self._http.post(path, content=content, headers=headers))

    def _send(self, send: Callable[[], httpx2.Response]) -> dict[str, Any]:
        found = self._answer(send).json()
        assert isinstance(found, dict)
        return found

    def _answer(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        for attempt in range(ATTEMPTS):
            last = attempt + 1 == ATTEMPTS
            try:
                answer = send()
            except httpx2.TransportError as error:
                if last:
                    raise self._unreachable(error) from error
            else:
                if answer.status_code not in _AGAIN or last:
                    _check(answer)
                    return answer
            time.sleep(WAITS_S[min(attempt, len(WAITS_S) - 1)])
        raise AssertionError("unreachable")

    def _again(self, failures: int, error: Exception) -> int:
        """Wait before a stream is taken up again; returns how often in a row that was done."""
        if failures >= STREAM_ATTEMPTS:
            raise self._unreachable(error) from error
        time.sleep(WAITS_S[min(failures, len(WAITS_S) - 1)])
        return failures + 1

    def _unreachable(self, error: Exception) -> DependencyError:
        return DependencyError(
            f"no answer from {self.url}: {error}", remedy="check --url (SOLVENT_URL), and that the server runs"
        )


def path_of(run_id: str) -> str:
    """Return the path of a job or a batch, told apart by its id."""
    return f"/v1/{'batches' if run_id.startswith('batch') else 'jobs'}/{_segment(run_id)}"


def _asked(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: "true" if value is True else str(value) for name, value in values.items() if value not in (None, False)
    }


def _segment(text: str) -> str:
    if not text or not all(character.isalnum() or character in "-_." for character in text) or text in {".", ".."}:
        raise NotFound(f"{text!r} is no id")
    return text


def _stream_timeout() -> httpx2.Timeout:
    return httpx2.Timeout(10.0, read=SILENCE_S)


def _check(answer: httpx2.Response) -> None:
    """Raise the error that a server's answer tells of."""
    if answer.is_success:
        return
    try:
        problem = json.loads(answer.read())
        detail, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError):
        raise DependencyError(
            f"{answer.request.url.copy_with(query=None)} answers {answer.status_code}, and not as Solvent does",
            remedy="check --url (SOLVENT_URL)",
        ) from None
    raise _error(answer, code, detail, problem.get("remedy"))


def _error(answer: httpx2.Response, code: str, detail: str, remedy: str | None) -> SolventError:
    status = answer.status_code
    if code == "not_found":
        return NotFound(detail, remedy=remedy)
    if code == "conflict":
        return Conflict(detail, remedy=remedy)
    if code == "data":
        return DataError(detail, remedy=remedy)
    if status == 429:
        after = answer.headers.get("retry-after", "")
        return QuotaExceeded(detail, retry_after_s=float(after) if after.isdecimal() else None, remedy=remedy)
    if status == 401:
        return ConfigError(detail, remedy="set SOLVENT_API_KEY to the secret of a key (`solvent keys add`)")
    if status < 500:
        return ConfigError(detail, remedy=remedy)
    if status in _AGAIN:
        return DependencyError(detail, remedy=remedy)
    return InternalError(f"the server failed: {detail}", remedy=remedy)
