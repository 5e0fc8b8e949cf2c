"""``docker-compose.yml`` runs every component, and every image of ours is the one that is built."""

from __future__ import annotations

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from tightloop.assembly.build import every_component
from tightloop.assembly.config import Config
from tightloop.cli.main import app

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMMANDS = [json.loads(found) for found in re.findall(r"command: (\[.*\])", TEXT)]


def test_every_component_of_the_lanes_it_names_runs_once() -> None:
    (lanes,) = re.findall(r"TIGHTLOOP_LANES: (.*)", TEXT)
    config = Config.model_validate({"lanes": lanes.split(",")})
    wanted = [(component, *([lane] if lane else [])) for component, lane in every_component(config)]
    found = [tuple(command[1 : command.index("--replica")]) for command in COMMANDS if command[0] == "run"]
    assert sorted(found) == sorted(wanted)


def test_each_command_is_one_of_ours_with_options_that_it_has() -> None:
    for command in COMMANDS:
        words = [word for word in command if not word.startswith("-")]
        told = CliRunner().invoke(app, [*words[: 2 if command[0] in ("topics", "sandbox") else 1], "--help"])
        assert told.exit_code == 0, command
        missing = [word for word in command if word.startswith("--") and word not in told.stdout]
        assert missing == []


def test_what_the_image_needs_is_sent_to_the_engine() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == sent
