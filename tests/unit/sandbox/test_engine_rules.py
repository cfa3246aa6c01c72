"""The proxy lets boxes through just as the sandbox makes them, and nothing else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from engine_boxes import IMAGE, box
from hypothesis import given
from hypothesis import strategies as st

from solvent.sandbox.engine_rules import RefusedError, Rules, read_call

RULES = Rules(images=("solvent-sandbox:1",), memory_mb=1024, runtimes=("runsc",))
CREATE = "/v1.41/containers/create?name=solvent-17-0123456789ab"
BOX = "solvent-17-0123456789ab"


def create(body: Any, target: str = CREATE) -> Any:
    return read_call("POST", target, json.dumps(body).encode(), RULES)


def test_a_box_passes_and_is_written_anew() -> None:
    call = create(box())
    assert (call.method, call.target, call.image) == ("POST", CREATE, IMAGE)
    assert json.loads(call.body) == box()


def test_a_permitted_runtime_passes() -> None:
    assert json.loads(create(box(runtime="runsc")).body)["HostConfig"]["Runtime"] == "runsc"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("HostConfig.Privileged", True),
        ("HostConfig.Binds", ["/:/host"]),
        ("HostConfig.Mounts", [{"Type": "bind", "Source": "/", "Target": "/host"}]),
        ("HostConfig.VolumesFrom", ["solvent-postgres-1"]),
        ("HostConfig.Devices", [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}]),
        ("HostConfig.DeviceRequests", [{"Count": -1}]),
        ("HostConfig.DeviceCgroupRules", ["a *:* rwm"]),
        ("HostConfig.CapAdd", ["SETUID", "SETGID", "SYS_ADMIN"]),
        ("HostConfig.CapDrop", []),
        ("HostConfig.SecurityOpt", ["no-new-privileges", "seccomp=unconfined"]),
        ("HostConfig.NetworkMode", "host"),
        ("HostConfig.PidMode", "host"),
        ("HostConfig.IpcMode", "host"),
        ("HostConfig.UTSMode", "host"),
        ("HostConfig.UsernsMode", "host"),
        ("HostConfig.CgroupnsMode", "host"),
        ("HostConfig.CgroupParent", "/"),
        ("HostConfig.ReadonlyRootfs", False),
        ("HostConfig.MaskedPaths", []),
        ("HostConfig.Sysctls", {"kernel.core_pattern": "|/x"}),
        ("HostConfig.Memory", 1 << 40),
        ("HostConfig.Memory", True),
        ("HostConfig.MemorySwap", -1),
        ("HostConfig.PidsLimit", -1),
        ("HostConfig.OomScoreAdj", -1000),
        ("HostConfig.LogConfig", {"Type": "syslog", "Config": {"syslog-address": "tcp://10.0.0.1"}}),
        ("HostConfig.RestartPolicy", {"Name": "always"}),
        ("HostConfig.AutoRemove", False),
        ("HostConfig.Runtime", "other"),
        ("HostConfig.Tmpfs", {"/w": "exec"}),
        ("HostConfig.Unheard", 1),
        ("HostConfig", None),
        ("Cmd", ["/bin/sh"]),
        ("Entrypoint", ["/bin/sh"]),
        ("Env", ["LD_PRELOAD=/w/x.so"]),
        ("Image", "solvent-sandbox:1"),
        ("Image", "sha256:0"),
        ("Labels", {"org.solvent.sandbox": "1"}),
        ("User", "1000"),
        ("Volumes", {"/data": {}}),
        ("NetworkDisabled", False),
        ("NetworkingConfig", {"EndpointsConfig": {"bridge": {}}}),
        ("Healthcheck", {"Test": ["CMD", "/bin/sh"]}),
        ("Unheard", {}),
    ],
)
def test_any_other_container_is_refused(path: str, value: Any) -> None:
    body = box()
    *outer, name = path.split(".")
    (body[outer[0]] if outer else body)[name] = value
    with pytest.raises(RefusedError):
        create(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data(), value=JSON)
def test_what_passes_is_what_the_sandbox_asks_for(data: st.DataObject, value: Any) -> None:
    body = box()
    changed = copy.deepcopy(body)
    place = data.draw(st.sampled_from([changed, changed["HostConfig"], changed["Labels"]]))
    place[data.draw(st.sampled_from(sorted(place)) | st.text(max_size=12))] = value
    try:
        call = create(changed)
    except RefusedError:
        return
    asked = json.loads(call.body)
    # Only what differs between boxes may differ.
    asked["HostConfig"]["Memory"] = asked["HostConfig"]["MemorySwap"] = body["HostConfig"]["Memory"]
    asked["Labels"] = body["Labels"]
    assert asked == body


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"{", b'"x"', b"\xff"])
def test_a_body_that_is_no_container_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        read_call("POST", CREATE, body, RULES)


@pytest.mark.parametrize(
    "target",
    [
        "/v1.41/containers/create",
        "/v1.41/containers/create?name=solvent-api-1",
        "/v1.41/containers/create?name=solvent-17-0123456789ab&platform=linux",
        "/v1.41/containers/create?name=solvent-17-0123456789ab&name=solvent-18-0123456789ab",
    ],
)
def test_only_names_of_boxes_are_given(target: str) -> None:
    with pytest.raises(RefusedError):
        create(box(), target)


@pytest.mark.parametrize(
    ("method", "target", "made"),
    [
        ("GET", "/_ping", "/_ping"),
        ("HEAD", "/v1.41/_ping", "/v1.41/_ping"),
        ("GET", "/version", "/version"),
        ("GET", "/v1.41/images/solvent-sandbox:1/json", "/v1.41/images/solvent-sandbox:1/json"),
        ("POST", f"/v1.41/containers/{BOX}/start", f"/v1.41/containers/{BOX}/start"),
        ("GET", f"/v1.41/containers/{BOX}/json?size=1", f"/v1.41/containers/{BOX}/json"),
        ("DELETE", f"/v1.41/containers/{BOX}?force=1&link=1", f"/v1.41/containers/{BOX}?v=1&force=1"),
        (
            "POST",
            f"/v1.41/containers/{BOX}/attach?logs=1",
            f"/v1.41/containers/{BOX}/attach?stdin=1&stdout=1&stderr=1&stream=1",
        ),
    ],
)
def test_calls_of_the_sandbox_pass_with_parameters_of_ours(method: str, target: str, made: str) -> None:
    assert read_call(method, target, b"", RULES).target == made


def test_a_list_is_one_of_boxes_whatever_is_asked_for() -> None:
    call = read_call("GET", "/v1.41/containers/json?all=1&filters=%7B%7D", b"", RULES)
    assert call.target == "/v1.41/containers/json?all=1&filters=%7B%22label%22%3A%20%5B%22org.solvent.sandbox%22%5D%7D"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1.41/images/create?fromImage=debian"),
        ("GET", "/v1.41/images/json"),
        ("GET", "/v1.41/images/postgres:16/json"),
        ("POST", "/v1.41/build"),
        ("GET", "/v1.41/info"),
        ("POST", f"/v1.41/containers/{BOX}/exec"),
        ("POST", "/v1.41/exec/0123/start"),
        ("PUT", f"/v1.41/containers/{BOX}/archive?path=/"),
        ("GET", f"/v1.41/containers/{BOX}/archive?path=/"),
        ("POST", f"/v1.41/containers/{BOX}/update"),
        ("POST", f"/v1.41/containers/{BOX}/rename?name=x"),
        ("GET", f"/v1.41/containers/{BOX}/logs"),
        ("GET", "/v1.41/containers/solvent-postgres-1/json"),
        ("DELETE", "/v1.41/containers/solvent-postgres-1?force=1"),
        ("POST", f"/v1.41/containers/{BOX}/../solvent-postgres-1/start"),
        ("POST", f"/v1.41/containers/{BOX}%2f..%2fx/start"),
        ("GET", f"/v1.41/containers/{BOX}\n/json"),
        ("GET", "/v1.41/volumes"),
        ("POST", "/v1.41/networks/create"),
        ("GET", "/v1.41/secrets"),
        ("POST", "/v1.41/swarm/init"),
        ("GET", "/v1.41/events"),
        ("POST", "/v1.41/session"),
        ("POST", "/grpc"),
        ("GET", "http://engine/v1.41/containers/json"),
        ("GET", "//v1.41/containers/json"),
        ("OPTIONS", "*"),
    ],
)
def test_all_else_is_refused(method: str, target: str) -> None:
    with pytest.raises(RefusedError):
        read_call(method, target, b"{}", RULES)
