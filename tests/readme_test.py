"""Every command and block of the README runs as printed, in order, in one folder, and those of other pages."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, command

FOLDERS = ("mrs_keras", "tfds_builders", "saved_models", "deploy", "benchmarks")


def _blocks(page: str, kinds: str) -> list[tuple[str, str]]:
    return re.findall(rf"```({kinds})\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)


PAGES = ["README.md", *sorted(str(p.relative_to(REPOSITORY)) for f in FOLDERS for p in (REPOSITORY / f).rglob("*.md"))]
PYTHON_PAGES = (
    "mrs_keras/fitting/README.md",
    "mrs_keras/measured/README.md",
    "mrs_keras/evaluation/realism/README.md",
    "deploy/README.md",
)
BLOCKS = [*_blocks("README.md", "bash|python"), *(block for page in PYTHON_PAGES for block in _blocks(page, "python"))]
GENERATION = _blocks("mrs_keras/generation/README.md", "bash|python")

# CI runs these two themselves, and a test within the tests cannot.
RUN_BY_CI = {"make reproduce", "make test"}
# It goes on until it is stopped, while the blocks that need it run.
SERVES = "mrs-keras serve --saved-models saved_models"
# This one, too: the tests of the page run it.
EXPLORES = "mrs-keras explore"
SCAN = "scans/sub-01/mrs/sub-01_acq-press_svs.nii.gz"
MINE = "mrs-keras train --dataset measured_mrs --config mine --output runs/mine"
LIKE = f"mrs-keras train --preset brain --like {SCAN} --build --output runs/like"
# As printed, they take minutes.
SHORTENED = {
    "mrs-keras train --output runs/base": "mrs-keras train --output runs/base --epochs 2",
    MINE: f"{MINE} --epochs 3",
    LIKE: f"{LIKE} --epochs 1",
    "mrs-keras tune --output runs/tune --trials 20 --epochs 100": "mrs-keras tune --trials 1 --epochs 1",
}
GENERATION_SHORTENED = {"--number 200": "--number 4", "--number 20": "--number 4", "number=200": "number=4"}
# LCModel and FSL-MRS are programs of their own, which nothing here installs.
OTHER_PROGRAMS = ("fsl_mrs ", "cd lcmodel", "for control in ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, data_dir) -> Path:
    path = tmp_path_factory.mktemp("readme")
    for name in ("tfds_builders", "saved_models"):
        (path / name).symlink_to(REPOSITORY / name)
    return path


@pytest.mark.slow
def test_every_block_of_the_readme_runs(folder, data_dir):
    # The blocks build datasets, and other tests share the folder of the default one.
    data = shutil.copytree(data_dir, folder / "data")
    environment = _environment(data)
    assert RUN_BY_CI | set(SHORTENED) <= {line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()}
    shell = [
        ["bash", "-c", SHORTENED.get(line, line)]
        for kind, text in BLOCKS
        if kind == "bash"
        for line in text.splitlines()
        if line not in RUN_BY_CI | {SERVES, EXPLORES} and "pip install" not in line
    ]
    assert any(SERVES in text for _, text in BLOCKS)
    with subprocess.Popen(SERVES.split(), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            while "8501" not in server.stdout.readline():
                assert server.poll() is None
            # The commands first: some blocks load what they make.
            for arguments in [*shell, *(["python", "-c", text] for kind, text in BLOCKS if kind == "python")]:
                _run(arguments, folder, environment)
        finally:
            server.terminate()


@pytest.mark.slow
def test_every_block_of_the_page_on_generation_runs(tmp_path):
    for name in ("tfds_builders", "saved_models"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    text = "\n".join(text for _, text in GENERATION)
    assert all(left_out in text for left_out in (*GENERATION_SHORTENED, *OTHER_PROGRAMS))
    environment = _environment(tmp_path / "data")
    for kind, text in GENERATION:
        for printed, short in GENERATION_SHORTENED.items():
            text = re.sub(rf"{printed}\b", short, text)
        if kind == "python":
            _run(["python", "-c", text], tmp_path, environment)
            continue
        for line in text.replace("\\\n", " ").splitlines():
            if not line.startswith(OTHER_PROGRAMS):
                _run(["bash", "-c", line], tmp_path, environment)


def _environment(data: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TFDS_DATA_DIR": str(data),
        "PATH": f"{Path(command('python')).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _run(arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments[-1]}\n{done.stdout}\n{done.stderr}"


def _without_code(path: Path) -> str:
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", _without_code(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if "](" in _without_code(REPOSITORY / page)])
def test_every_link_of_the_pages_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", _without_code(REPOSITORY / page)):
        name, _, anchor = link.partition("#")
        if ":" not in link:
            target = (REPOSITORY / page).parent / name if name else REPOSITORY / page
            assert target.exists(), link
            assert not anchor or anchor in _anchors(target), link
