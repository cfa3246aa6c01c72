"""Prometheus' files and Grafana's dashboards: valid, and about metrics that are exported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from deploy_tools import REPOSITORY, require_tool, run
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families
from stored_jobs import job_records, plan

from solvent.models.router.breaker import BreakerState
from solvent.models.router.metrics import Counters, EndpointMetrics, RouterMetrics
from solvent.models.serving.metrics import Metrics as ServerMetrics
from solvent.service.http.metrics import Metrics as ApiMetrics
from solvent.workers.database import open_service_database
from solvent.workers.metrics import WorkerMetrics
from solvent.workers.service_records import LeaseKind

PROMETHEUS = REPOSITORY / "configs" / "prometheus"
DASHBOARDS = sorted((REPOSITORY / "configs" / "grafana" / "dashboards").glob("*.json"))
OF_PROMETHEUS = {"up"}
WORDS = {
    *(
        "sum",
        "max",
        "min",
        "count",
        "rate",
        "increase",
        "histogram_quantile",
        "absent",
        "vector",
        "by",
        "on",
        "unless",
        "or",
        "and",
    ),
    *("ignoring", "without", "group_left", "bool"),
}


def panels() -> list[tuple[str, dict[str, Any]]]:
    return [(path.stem, panel) for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]


def expressions() -> list[tuple[str, str]]:
    found = [
        (f"{board}: {panel['title']}", one["expr"]) for board, panel in panels() for one in panel.get("targets", [])
    ]
    for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"]:
        found += [(rule["alert"], rule["expr"]) for rule in group["rules"]]
    return found


def names_in(expression: str) -> set[str]:
    """Return the metrics of an expression, without its labels, strings and durations."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", bare)) - WORDS


def labels_in(expression: str) -> list[tuple[str, str]]:
    """Return metric and label of each matcher."""
    return [
        (name, label)
        for name, inner in re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expression)
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inner)
    ]


class Engine:
    """What the server of the starter model counts, at nothing."""

    class Counts:
        prompt_tokens = generated_tokens = remembered_tokens = steps = 0

    counts = Counts()
    running = waiting = 0


class Keeper:
    claims = ()
    lost = 0


class Router:
    def metrics(self) -> RouterMetrics:
        return RouterMetrics(0, (EndpointMetrics("e", "http://e", BreakerState.CLOSED, 0, 0, Counters()),))


async def of_the_database(path: Path) -> str:
    """Return what the API tells of a database with jobs in it."""
    database = await open_service_database(f"sqlite:///{path}")
    try:
        store, jobs = database.store, job_records("job", 2)
        await store.submit(jobs)
        claim = await store.claim(LeaseKind.JOB, jobs[0].id, holder="a", lease_s=60)
        assert claim is not None
        await store.start_trajectories(claim, [plan("t1")])
        return ApiMetrics().text({**await store.gauges(), "database_up": 1.0}).decode()
    finally:
        await database.aclose()


@pytest.fixture
async def exported(tmp_path: Path) -> dict[str, set[str]]:
    """Names of all samples that our processes export, with their labels."""
    found: dict[str, set[str]] = {}
    worker = WorkerMetrics()
    worker.watch(cast(Any, Keeper()), capacity=1)
    worker.watch_router("p", Router())
    for metrics in (ApiMetrics(), worker):
        for collector in vars(metrics).values():
            if isinstance(collector, MetricWrapperBase):
                # Those that have not counted show no sample, so their names are made as the library makes them.
                ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(collector._type, ("",))
                for end in ends:
                    found[f"{collector._name}{end}"] = {*collector._labelnames, *(("le",) if end == "_bucket" else ())}
    texts = [
        ServerMetrics("m").text(cast(Any, Engine())),
        worker.text().decode(),
        await of_the_database(tmp_path / "s"),
    ]
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_prometheus_takes_its_files() -> None:
    run([require_tool("promtool"), "check", "config", str(PROMETHEUS / "prometheus.yml")])


def test_every_expression_is_one(tmp_path: Path) -> None:
    rules = [{"record": f"expression:{number}", "expr": expr} for number, (_, expr) in enumerate(expressions())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    run([require_tool("promtool"), "check", "rules", str(tmp_path / "rules.yml")])


async def test_every_expression_is_about_what_is_exported(exported: dict[str, set[str]]) -> None:
    for where, expression in expressions():
        unknown = names_in(expression) - exported.keys() - OF_PROMETHEUS
        # Legends and groupings: `le` and what recording adds are Prometheus' own.
        names = {
            word for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression) for word in re.findall(r"\w+", group)
        }
        labels = {name for metric in names_in(expression) & exported.keys() for name in exported[metric]}
        assert not {word for word in unknown if word not in labels}, f"{where}: {expression}"
        assert names <= labels, f"{where}: {expression}: {names - labels}"
        for metric, label in labels_in(expression):
            assert label in exported[metric], f"{where}: {metric} has no label {label}"


async def test_the_check_finds_a_metric_that_nobody_exports(exported: dict[str, set[str]]) -> None:
    assert names_in('sum by (x) (rate(solvent_unheard_total{a="solvent_b"}[5m]))') == {"solvent_unheard_total"}
    assert "solvent_unheard_total" not in exported
    assert "solvent_jobs" in exported


def test_dashboards_are_whole() -> None:
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids)), path.name
        assert board["uid"] == f"solvent-{path.stem}"
        cells: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24, panel["title"]
            own = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not own & cells, f"{path.name}: {panel['title']} lies over another panel"
            cells |= own
            for target in panel.get("targets", []):
                assert target["datasource"]["uid"] == "prometheus"
    sources = yaml.safe_load((REPOSITORY / "configs/grafana/provisioning/datasources/prometheus.yml").read_text())
    assert [source["uid"] for source in sources["datasources"]] == ["prometheus"]


def test_what_an_operator_asks_first_is_shown() -> None:
    shown = {panel["title"] for _, panel in panels()}
    assert {"Jobs that wait", "Work in hand", "Tokens charged", "Verdicts", "Time to the first token"} <= shown
    assert any("lapsed" in title for title in shown)
