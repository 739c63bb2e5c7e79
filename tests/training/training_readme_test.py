"""The example of two processes in the README of the training runs as printed, on ports that are free."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from mrs_keras.run_folder import read_history
from tests.conftest import REPOSITORY, command
from tests.training.worker_processes import free_ports

README = (REPOSITORY / "mrs_keras" / "training" / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_example_of_two_processes_trains_a_model(data_dir, tmp_path):
    (block,) = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    for printed, free in zip(("2222", "2223"), free_ports(2), strict=True):
        assert printed in block
        block = block.replace(printed, str(free))
    folder = Path(command("python")).parent
    environment = os.environ | {"TFDS_DATA_DIR": str(data_dir), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert (tmp_path / "runs" / "two" / "model.keras").exists(), done.stderr
    assert len(read_history(tmp_path / "runs" / "two")["epoch"]) == 2


def test_every_file_of_the_table_exists():
    named = re.findall(r"`(\w+\.py)`", README)
    assert len(named) >= 7
    for name in named:
        assert (REPOSITORY / "mrs_keras" / "training" / name).exists(), name
