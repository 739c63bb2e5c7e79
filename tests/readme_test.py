"""Every command and every block of the README runs as printed, in order, in one folder."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, command

BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)

# CI runs these two themselves, and a test within the tests cannot.
RUN_BY_CI = {"make reproduce", "make test"}
# It goes on until it is stopped, while the blocks that need it run.
SERVES = "mrs-keras serve --saved-models saved_models"
# As printed it is the training of `make reproduce`.
SHORTENED = {
    "mrs-keras train --output runs/base": "mrs-keras train --output runs/base --epochs 2",
    "mrs-keras tune --output runs/tune --trials 20 --epochs 100": "mrs-keras tune --trials 1 --epochs 1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, data_dir) -> Path:
    path = tmp_path_factory.mktemp("readme")
    for name in ("tfds_builders", "saved_models"):
        (path / name).symlink_to(REPOSITORY / name)
    return path


@pytest.mark.slow
def test_every_block_of_the_readme_runs(folder, data_dir):
    environment = {
        **os.environ,
        "TFDS_DATA_DIR": str(data_dir),
        "PATH": f"{Path(command('python')).parent}{os.pathsep}{os.environ['PATH']}",
    }
    assert RUN_BY_CI | set(SHORTENED) <= {line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()}
    shell = [
        ["bash", "-c", SHORTENED.get(line, line)]
        for kind, text in BLOCKS
        if kind == "bash"
        for line in text.splitlines()
        if line not in RUN_BY_CI | {SERVES} and "pip install" not in line
    ]
    assert any(SERVES in text for _, text in BLOCKS)
    with subprocess.Popen(SERVES.split(), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            while "8501" not in server.stdout.readline():
                assert server.poll() is None
            # The commands first: some blocks load what they make.
            for arguments in [*shell, *(["python", "-c", text] for kind, text in BLOCKS if kind == "python")]:
                done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True)
                assert done.returncode == 0, f"{arguments[-1]}\n{done.stdout}\n{done.stderr}"
        finally:
            server.terminate()


def test_every_file_that_the_readme_names_exists():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        assert (REPOSITORY / target).exists(), target
