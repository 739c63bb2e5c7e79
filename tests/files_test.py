import contextlib
import os
import signal
import subprocess
import sys
import threading

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


def test_who_watches_a_folder_that_is_replaced_never_sees_half_of_it(tmp_path):
    path, names = tmp_path / "1", {f"file{k}" for k in range(200)}

    def write():
        with replacing(path) as partial:
            partial.mkdir()
            for name in names:
                (partial / name).touch()

    write()
    seen, stop = set(), threading.Event()

    def watch():
        while not stop.is_set():
            with contextlib.suppress(FileNotFoundError):
                folder = os.open(path, os.O_RDONLY)
                try:
                    found = frozenset(os.listdir(folder))
                    # Not one that lost the name meanwhile.
                    if path.stat().st_ino == os.fstat(folder).st_ino:
                        seen.add(found)
                finally:
                    os.close(folder)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(50):
        write()
    stop.set()
    watcher.join()
    assert seen == {frozenset(names)}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", [1, 2], ids=["before the old one moved", "between the two renames"])
def test_a_folder_that_was_being_replaced_when_the_process_died_is_whole_after_the_next_call(tmp_path, call):
    path = tmp_path / "1"
    path.mkdir()
    (path / "old").touch()
    code = """
import os, sys
from pathlib import Path
from mrs_keras.files import replacing
rename, calls = os.replace, []
def replace(*paths):
    calls.append(paths)
    if len(calls) == int(sys.argv[2]):
        os._exit(1)
    rename(*paths)
os.replace = replace
with replacing(Path(sys.argv[1])) as partial:
    partial.mkdir()
    (partial / "new").touch()
"""
    assert subprocess.run([sys.executable, "-c", code, str(path), str(call)]).returncode == 1
    with pytest.raises(RuntimeError), replacing(path):
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


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
