from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def shared_file(relative: str) -> Path:
    path = SHARED_DATA / relative
    if not path.exists():
        pytest.skip(f"reference data '{relative}' is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def challenge_dir() -> Path:
    """The 2016 ISMRM fitting challenge (CC BY-SA 4.0), which the project does not contain."""
    return shared_file("challenge2016")
