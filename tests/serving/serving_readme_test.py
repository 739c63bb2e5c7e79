"""Each block of the README of the serving runs as printed, in a process of its own and without this package."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, command
from tests.serving.readme_blocks import README, blocks

ALONE = "\nimport sys\n\nassert not {'mrs_keras', 'tfds_builders'} & set(sys.modules)\n"


@pytest.mark.slow
def test_every_block_of_the_serving_readme_runs_without_this_package(tmp_path):
    (tmp_path / "saved_models").symlink_to(REPOSITORY / "saved_models")
    folder = Path(command("python")).parent
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    printed = blocks()
    assert len(printed) >= 9
    checked = 0
    for kind, text in printed:
        if "tf2onnx" in text and importlib.util.find_spec("tf2onnx") is None:
            continue
        arguments = ["python", "-c", text + ALONE] if kind == "python" else ["bash", "-ec", text]
        done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        # What a comment says of a print is what is printed.
        for said in re.findall(r"^ *print\(.*\)  # (\(.*?\))(?::.*)?$", text, re.MULTILINE):
            assert said in done.stdout, text
            checked += 1
    assert checked >= 4


def test_every_file_that_the_serving_readme_names_exists():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    links = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", prose)]
    for path in filter(None, links):
        assert (REPOSITORY / "mrs_keras" / "serving" / path).exists(), path
    for path in re.findall(r"`(tests/[\w/]+\.py)`", prose):
        assert (REPOSITORY / path).exists(), path
