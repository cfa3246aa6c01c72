"""Profiles: what a file may say, and how it is found."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from solvent.errors import ConfigError
from solvent.models.base import Sampling
from solvent.models.probe import probe
from solvent.models.profiles import ModelProfile, Prices, read_profile
from solvent.models.registry import BACKENDS, list_profiles, load_profile, open_model
from solvent.models.scripted import ScriptedModel
from solvent.models.serve_command import serve_arguments, serve_command
from solvent.settings import Settings

GOOD = """
name = "mine"
backend = "openai"
base_url = "http://localhost:8000/v1/"
context_tokens = 4096
"""


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_shipped_profile_is_valid_and_of_a_known_backend() -> None:
    entries = list_profiles(Settings(config_dir=None))
    assert {"starter", "vllm", "openai-compatible"} <= {entry.name for entry in entries}
    for entry in entries:
        assert entry.problem is None
        assert entry.profile is not None
        assert entry.profile.backend in BACKENDS
        assert entry.profile.notes, "a profile says what it is good for"


def test_every_profile_for_vllm_says_how_to_serve_it() -> None:
    profiles = [entry.profile for entry in list_profiles(Settings(config_dir=None)) if entry.profile is not None]
    served = {
        profile.name: serve_command(profile) for profile in profiles if profile.base_url and "8000" in profile.base_url
    }
    assert {"qwen3-8b", "deepseek-r1-distill-qwen-7b", "gpt-oss-20b", "qwen3-coder-30b-a3b-instruct"} <= set(served)
    for command in served.values():
        assert command is not None
        assert "--enable-prefix-caching" in command
        assert "--scheduling-policy priority" in command


def test_thinking_models_on_vllm_are_continued_by_tokens() -> None:
    """Their chat templates rewrite thinking in the assistant's turn; harmony's (gpt-oss) takes no beginning at all."""
    profiles = [entry.profile for entry in list_profiles(Settings(config_dir=None)) if entry.profile is not None]
    thinking = {profile.name: profile.prefix for profile in profiles if profile.thinking and profile.model}
    assert thinking.pop("gpt-oss-20b") == "none"
    assert thinking.pop("starter-server") == "vllm", "no template comes between"
    assert len(thinking) >= 6
    assert set(thinking.values()) == {"completions"}


def test_the_serve_command_takes_model_port_and_length_from_their_fields(tmp_path: Path) -> None:
    text = (
        GOOD.replace("8000", "8123")
        + 'model = "some/model"\nserve = ["--enforce-eager", "--hf-overrides", "{\\"a\\": 1}"]\n'
    )
    profile = read_profile(write(tmp_path, text))
    command = serve_command(profile)
    assert command is not None
    assert command.splitlines()[0] == "vllm serve some/model \\"
    arguments = ["serve", "some/model", "--port", "8123", "--max-model-len", "4096", "--enforce-eager"]
    assert shlex.split(command.replace("\\\n", " ")) == ["vllm", *arguments, "--hf-overrides", '{"a": 1}']
    assert serve_arguments(profile) == [*arguments, "--hf-overrides", '{"a": 1}']


def test_without_serve_there_is_no_command_and_without_a_model_a_place_for_it(tmp_path: Path) -> None:
    assert serve_command(read_profile(write(tmp_path, GOOD))) is None
    assert serve_arguments(read_profile(write(tmp_path, GOOD + 'serve = ["--enforce-eager"]')))[1] == "MODEL"


def test_several_endpoints_get_no_port(tmp_path: Path) -> None:
    text = ENDPOINTS.replace("[[", 'serve = ["--enforce-eager"]\n[[', 1)
    assert "--port" not in serve_arguments(read_profile(write(tmp_path, text)))


def test_the_starter_answers_math_with_a_program_in_its_own_prompts() -> None:
    profile = load_profile("starter", Settings(config_dir=None))
    assert (profile.backend, profile.prompts, profile.answer_style) == ("starter", "starter", "program")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("contxt_tokens = 5", ["contxt_tokens", "unknown key", "context_tokens"]),
        ("[timeouts]\nconect_s = 5", ["timeouts.conect_s", "connect_s"]),
        ("[thinking]\nstart = '<t>'\nend = '</t>'\nmiddle = 1", ["thinking.middle", "unknown key"]),
        ("concurrency = 0", ["concurrency", "greater than or equal to 1"]),
        ("concurrency = 'many'", ["concurrency", "integer"]),
        ("prefix = 'yes'", ["prefix", "'vllm', 'completions', 'assistant' or 'none'"]),
        ("prefix = 'completions'", ['count = "tokenize"']),
        ("reasoning = 'wrap'", ["[thinking]"]),
        ("extra_body = { n = 4 }", ["extra_body", "n"]),
        ("[extra_body]\ntemperature = 1", ["extra_body", "temperature", "[sampling]"]),
        ("tokenize_url = 'localhost:8000'", ["tokenize_url", "URL"]),
        ("serve = ['--enforce-eager', '--api-key', 'hunter2']", ["serve", "VLLM_API_KEY"]),
        ("serve = ['--max-model-len=9']", ["serve", "--max-model-len", "context_tokens"]),
        ("serve = ['enforce-eager']", ["serve", "begins with an option"]),
        ("broken = = 1", ["not valid TOML", "line 6"]),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path: Path, line: str, words: list[str]) -> None:
    path = write(tmp_path, GOOD + line)
    with pytest.raises(ConfigError) as caught:
        read_profile(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://me:hunter2@host/v1", "https://host/v1?key=hunter2"])
def test_a_url_with_a_secret_is_refused_and_not_quoted(tmp_path: Path, url: str) -> None:
    path = write(tmp_path, GOOD.replace("http://localhost:8000/v1/", url))
    with pytest.raises(ConfigError, match="base_url") as caught:
        read_profile(path)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__cause__)


@pytest.mark.parametrize(("backend", "field"), [("openai", "base_url"), ("scripted", "script")])
def test_what_a_backend_needs_is_named(backend: str, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ModelProfile(name="x", backend=backend, context_tokens=100)


ENDPOINTS = """name = "mine"
backend = "openai"
context_tokens = 4096
[[endpoints]]
base_url = "http://a:1/v1/"
[[endpoints]]
base_url = "http://b:1/v1"
"""


def test_endpoints_take_from_the_profile_what_they_leave_out(tmp_path: Path) -> None:
    text = ENDPOINTS.replace("[[", 'model = "m"\nconcurrency = 7\n[[', 1) + 'model = "other"\nmax_concurrent = 3\n'
    profile = read_profile(write(tmp_path, text))
    first, second = [profile.at(entry) for entry in profile.endpoints]
    assert (first.base_url, first.model, first.concurrency) == ("http://a:1/v1", "m", 7)
    assert (second.base_url, second.model, second.concurrency) == ("http://b:1/v1", "other", 3)
    assert first.retry.attempts == second.retry.attempts == 1, "the router sends again, not its endpoints"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENDPOINTS.replace("context", 'base_url = "http://c/v1"\ncontext'), "exclude each other"),
        (ENDPOINTS.replace("http://b", "http://a"), "a:1 is there twice"),
        (ENDPOINTS + "wieght = 2\n", "did you mean weight"),
        (ENDPOINTS.replace("http://b:1/v1", "http://me:hunter2@b/v1"), "endpoints.1.base_url"),
    ],
)
def test_wrong_endpoints_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_profile(write(tmp_path, text))
    assert "hunter2" not in str(caught.value)


def test_paths_start_at_the_profile_s_directory(tmp_path: Path) -> None:
    path = write(tmp_path, 'name = "mine"\nbackend = "scripted"\ncontext_tokens = 99\nscript = "replies.jsonl"\n')
    assert read_profile(path).script == tmp_path / "replies.jsonl"


def test_the_user_s_directory_comes_first(tmp_path: Path) -> None:
    settings = Settings(config_dir=tmp_path)
    write(tmp_path / "models", GOOD.replace("mine", "vllm"), "vllm.toml")
    write(tmp_path / "models", GOOD)
    assert load_profile("vllm", settings).context_tokens == 4096
    assert load_profile("mine", settings).base_url == "http://localhost:8000/v1"
    assert load_profile("starter", settings).backend == "starter"
    assert [entry.path.parent for entry in list_profiles(settings) if entry.name == "vllm"] == [tmp_path / "models"]


def test_a_profile_is_found_by_path(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load_profile(str(path)) == load_profile(path)
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_profile(str(tmp_path / "nowhere.toml"))


def test_an_unknown_name_lists_what_exists_and_the_near_match() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'starter'.*openai-compatible.*vllm"):
        load_profile("startr", Settings(config_dir=None))


def test_a_name_that_is_not_the_file_s_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, "other.toml")
    with pytest.raises(ConfigError, match="field name"):
        load_profile(path)


def test_an_unknown_backend_lists_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('backend = "openai"', 'backend = "openapi"'))
    with pytest.raises(ConfigError, match=r"field backend.*did you mean 'openai'.*starter"):
        load_profile(path)


def test_a_broken_profile_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path / "models", "name = 3", "broken.toml")
    entries = {entry.name: entry for entry in list_profiles(Settings(config_dir=tmp_path))}
    assert entries["broken"].profile is None
    assert "broken.toml" in str(entries["broken"].problem)
    assert entries["vllm"].profile is not None


async def test_a_scripted_profile_opens_the_scripted_model(tmp_path: Path) -> None:
    write(tmp_path, '{"texts": ["hi"]}\n', "replies.jsonl")
    path = write(tmp_path, 'name = "mine"\nbackend = "scripted"\ncontext_tokens = 99\nscript = "replies.jsonl"\n')
    model = open_model(load_profile(path))
    assert isinstance(model, ScriptedModel)
    assert model.info.context_tokens == 99


def test_defaults_fill_only_what_a_request_leaves_open() -> None:
    profile = ModelProfile.model_validate(
        {"name": "x", "backend": "starter", "context_tokens": 9, "sampling": {"temperature": 0.6, "top_p": 0.9}}
    )
    assert profile.resolve(Sampling(temperature=0)) == Sampling(temperature=0, top_p=0.9)
    assert profile.resolve(Sampling(temperature=0.1, top_p=1)) == Sampling(temperature=0.1, top_p=1)


def test_prices_are_per_million_tokens() -> None:
    prices = Prices(prompt_per_million=2, completion_per_million=10)
    assert prices.cost(500_000, 100_000) == 2.0


async def test_probe_opens_a_scripted_model_and_names_a_missing_script(tmp_path: Path) -> None:
    write(tmp_path, '{"texts": ["hi"]}\n', "replies.jsonl")
    path = write(tmp_path, 'name = "mine"\nbackend = "scripted"\ncontext_tokens = 99\nscript = "replies.jsonl"\n')
    profile = read_profile(path)
    assert (await probe(profile)).status == "ok"
    (tmp_path / "replies.jsonl").unlink()
    state = await probe(profile)
    assert state.status == "missing"
    assert "replies.jsonl" in state.detail


async def test_probe_names_missing_weights(tmp_path: Path) -> None:
    profile = ModelProfile(name="x", backend="starter", context_tokens=64, weights_dir=tmp_path / "nowhere")
    state = await probe(profile)
    assert state.status == "missing"
    assert "nowhere" in state.detail
    assert state.remedy is not None
