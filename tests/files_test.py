import signal
import subprocess
import sys

import pytest

from mrs_keras.files import replacing


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "export"
    for number in (1, 2):
        with replacing(path) as partial:
            partial.mkdir()
            (partial / f"file{number}").touch()
    assert [file.name for file in path.iterdir()] == ["file2"]


def test_a_killed_writer_leaves_no_finished_file_and_the_next_one_succeeds(tmp_path):
    path = tmp_path / "1"
    code = """
import os, sys
from pathlib import Path
from mrs_keras.files import replacing
with replacing(Path(sys.argv[1])) as partial:
    partial.mkdir()
    (partial / "half").write_text("half")
    print("writing", flush=True)
    import time
    time.sleep(60)
"""
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert not path.exists()
    with replacing(path) as partial:
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
