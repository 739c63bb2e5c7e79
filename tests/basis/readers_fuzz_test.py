"""Readers given damaged files: out comes a basis, or an error of ours that names the file. No hang, no memory blow-up.

The quick test reads 300 inputs per reader, always the same; the slow one 100,000 new ones.
"""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrs_keras import Acquisition, Basis, read_basis
from tests.basis.basis_files import basis_file, jmrui_file, json_file, known_fids, raw_file, text_file

POINTS = 8
WIDE = (-5.0, 14.0)
ACQUISITION = Acquisition(127.74, 2500.0, POINTS, WIDE)
FIDS = known_fids(ACQUISITION)[:, :2]
NAMES = ("NAA", "Cr")


def npz_file() -> bytes:
    stream = io.BytesIO()
    arrays = {"names": np.array(NAMES), "fids": FIDS, "description": np.array("")}
    np.savez_compressed(stream, **arrays, **{key: np.array(v) for key, v in ACQUISITION.to_dict().items()})
    return stream.getvalue()


SEEDS = {
    "npz": npz_file(),
    "lcmodel_basis": basis_file(FIDS.T, NAMES, ACQUISITION).encode(),
    "lcmodel_raw": raw_file(FIDS[:, 0]).encode(),
    "fsl_json": json_file(FIDS[:, 0], "NAA", ACQUISITION).encode(),
    "jmrui": jmrui_file(FIDS.T, NAMES, ACQUISITION).encode(),
    "text": text_file(FIDS[:, 0]).encode(),
}
FRAGMENTS = [
    *b"$ & / ! ' \" = , ; : ( ) [ ] { } # % _ - + . 0 1 9 E D e+ nan inf -inf 1e999 1e-999 -0 1D+05 0.1-100 1_".split(),
    *b"$END &END $BASIS $BASIS1 $NMID $SEQPAR BADELT NDATAB ISHIFT CONC METABO FMTBAS '(6E13.5)' '(1P0E0.0)'".split(),
    *b'Signal PointsInDataset: SamplingInterval: null true "basis" basis_re Infinity 1e308 999999999999999999'.split(),
    *b" |\n|\r\n|\r|\t|\0|\x1a|\x85|\xa0|\xff|\xef\xbb\xbf|\xff\xfe|\xe2\x80\xa8|\xd9\xa1|PK\x03\x04".split(b"|"),
]
position = st.integers(0, 2**16)
pieces = st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=6), st.integers(-(10**20), 10**20).map(b"%d".__mod__))
edits = st.one_of(
    st.tuples(st.just("insert"), position, pieces),
    st.tuples(st.just("replace"), position, pieces),
    st.tuples(st.just("delete"), position, st.integers(1, 60)),
    st.tuples(st.just("repeat"), position, st.integers(1, 200)),
    st.tuples(st.just("move"), position, st.integers(1, 200)),
    st.tuples(st.just("cut"), position, st.none()),
)


def edited(seed: bytes, changes) -> bytes:
    """Damages a file; positions count from its start, and again from there."""
    data = seed
    for kind, where, what in changes:
        at = where % (len(data) + 1)
        if kind == "insert":
            data = data[:at] + what + data[at:]
        elif kind == "replace":
            data = data[:at] + what + data[at + len(what) :]
        elif kind == "delete":
            data = data[:at] + data[at + what :]
        elif kind == "repeat":
            data = data[:at] + data[at : at + what] * 3 + data[at + what :]
        elif kind == "move":
            data = data[:at] + data[at + what :] + data[at : at + what]
        else:
            data = data[:at]
    return data


def check_reader(folder, format: str, told: bool, data: bytes, given_acquisition: bool) -> bool:
    """Reads one input; returns whether it is a basis. Raises what is no error of ours."""
    path = folder / "damaged.dat"
    path.write_bytes(data)
    try:
        basis = read_basis(
            path, format=format if told else None, acquisition=ACQUISITION if given_acquisition else None
        )
    except (ValueError, OSError) as error:
        if "damaged.dat'" not in str(error):
            raise
        return False
    assert isinstance(basis, Basis)
    assert np.isfinite(basis.fids).all()
    assert basis.fids.shape == (basis.acquisition.points, len(basis.names))
    return True


def fuzz(folder, format: str, inputs: int, same_every_time: bool) -> int:
    """Reads as many damaged files; returns how many were a basis all the same."""
    outcomes = []

    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        derandomize=same_every_time,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.one_of(
            st.lists(edits, max_size=6).map(lambda changes: edited(SEEDS[format], changes)),
            st.lists(pieces, max_size=40).map(b"".join),
        ),
        st.booleans(),
        st.booleans(),
    )
    def one_input(data, told, given_acquisition):
        outcomes.append(check_reader(folder, format, told, data, given_acquisition))

    one_input()
    print(f"\n{format}: {len(outcomes)} inputs, {sum(outcomes)} of them a basis")
    return sum(outcomes)


@pytest.mark.parametrize("format", SEEDS)
def test_damaged_files_give_a_basis_or_an_error_of_ours(tmp_path, format):
    assert check_reader(tmp_path, format, True, SEEDS[format], True)
    assert fuzz(tmp_path, format, inputs=300, same_every_time=True) > 0


@pytest.mark.slow
@pytest.mark.parametrize("format", SEEDS)
def test_a_hundred_thousand_damaged_files_give_a_basis_or_an_error_of_ours(tmp_path, format):
    assert fuzz(tmp_path, format, inputs=100_000, same_every_time=False) > 0


SIZE = 2**17
HUGE = {
    "numbers": b"1 2\n" * (SIZE // 4),
    "one line": b"1 " * (SIZE // 2),
    "empty lines": b"\n" * SIZE,
    "brackets": b"[" * SIZE,
    "objects": b'{"basis":[' + b"{}," * (SIZE // 3),
    "quotes": b"$NMID ID=" + b"'" * SIZE,
    "equals": b"$NMID\n" + (b"=" * 1000 + b"\n") * (SIZE // 1001),
    "parentheses": b"$NMID\n" + (b"(" * 1000 + b"\n") * (SIZE // 1001),
    "groups": b"$A $END\n" * (SIZE // 8),
    "metabolites": b"$BASIS1 BADELT=1E-3 NDATAB=2 $END\n" + b"$BASIS METABO=A $END\n1 2 3 4\n" * (SIZE // 29),
    "points": b"$BASIS1 BADELT=1E-3 NDATAB=1048576 $END\n$BASIS METABO=A $END\n" + b"1\n" * (SIZE // 2),
    "header": b"jMRUI Data Textfile\n" + b"a:b\n" * (SIZE // 4),
    "bytes": bytes(range(1, 256)) * (SIZE // 255),
}


@pytest.mark.parametrize("content", HUGE)
def test_memory_grows_no_faster_than_the_file(tmp_path, content):
    path = tmp_path / "damaged.dat"
    path.write_bytes(HUGE[content])
    for format in (None, "lcmodel_basis", "lcmodel_raw", "fsl_json", "jmrui", "text"):
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"damaged\.dat'"):
            read_basis(path, format=format)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 * SIZE, format
