"""The same FID is found under other names, scales, types and lengths; other scans are not."""

import subprocess

import numpy as np
import pytest

from mrs_keras.measured.duplicates import check_no_duplicates, find_duplicates, fingerprint
from tests.conftest import SHARED_DATA, command

BIG_GABA = SHARED_DATA / "invivo_biggaba" / "nifti"
SDAT = SHARED_DATA / "invivo_press_te35" / "sub-01_PRESS_35_act.sdat"


def a_fid(seed: int, noise: float = 0.01, points: int = 2048) -> np.ndarray:
    """NAA, Cr and Cho of the same subject, and noise that differs by `seed`."""
    t = np.arange(points) / 2000
    signal = sum(a * np.exp((2j * np.pi * f - 15) * t) for a, f in ((1, -330), (0.7, -200), (0.5, -180)))
    random = np.random.default_rng(seed)
    return signal + noise * (random.normal(size=points) + 1j * random.normal(size=points))


@pytest.mark.parametrize(
    "copied",
    [
        lambda fid: fid.astype(np.complex64),
        lambda fid: fid * (3 - 2j) * 1e-12,
        lambda fid: 5j * fid.conj(),
        lambda fid: fid[:1024],
        lambda fid: np.pad(fid, (0, 2048)),
        lambda fid: np.round(fid.real * 2**14) + 1j * np.round(fid.imag * 2**14),
        lambda fid: np.stack([0.5j * fid, 2 * fid])[:, None],
    ],
    ids=["complex64", "scaled", "conjugate", "truncated", "zero-filled", "16 bits", "coils"],
)
def test_a_copy_is_found(copied):
    fids = {f"sub-{seed}": a_fid(seed) for seed in range(20)}
    prints = {name: fingerprint(fid) for name, fid in {**fids, "copy": copied(fids["sub-7"])}.items()}
    assert find_duplicates(prints) == [("copy", "sub-7")]
    with pytest.raises(ValueError, match=r"'copy' and 'sub-7'.*Remove all but one"):
        check_no_duplicates(prints)


@pytest.mark.parametrize("noise", [0.1, 0.01, 0.001])
def test_two_measurements_of_a_subject_are_no_copies(noise):
    prints = {f"scan {seed}": fingerprint(a_fid(seed, noise)) for seed in range(300)}
    assert find_duplicates(prints) == []
    check_no_duplicates(prints)


def test_three_copies_are_one_group():
    prints = {name: fingerprint(a_fid(0) * factor) for name, factor in (("c", 1), ("a", 2), ("b", 1j))}
    assert find_duplicates({**prints, "other": fingerprint(a_fid(1))}) == [("a", "b", "c")]


def test_copies_are_found_across_the_blocks_of_the_comparison():
    random = np.random.default_rng(0)
    sketches = (random.normal(size=(2500, 64)) + 1j * random.normal(size=(2500, 64))).astype(np.complex64)
    prints = {f"{index:05}": sketch.tobytes() for index, sketch in enumerate(sketches)}
    assert find_duplicates({**prints, "last": prints["00003"]}) == [("00003", "last")]
    assert find_duplicates({}) == []


def test_a_zero_or_broken_fid_has_no_fingerprint():
    with pytest.raises(ValueError, match="is zero"):
        fingerprint(np.zeros(100, complex))
    with pytest.raises(ValueError, match="finite"):
        fingerprint(np.array([1, np.nan + 0j]))


@pytest.mark.skipif(not BIG_GABA.exists(), reason="the Big GABA data are not beside this checkout")
def test_eighty_real_scans_and_their_references_are_all_different():
    nibabel = pytest.importorskip("nibabel")
    files = sorted(BIG_GABA.glob("*.nii.gz"))
    fids = {file.name: np.asarray(nibabel.load(file).dataobj).reshape(-1) for file in files}
    prints = {name: fingerprint(fid) for name, fid in fids.items()}
    assert find_duplicates(prints) == []
    prints["copy"] = fingerprint(np.conj(fids["sub-P3S01_svs.nii.gz"]) * 7)
    assert find_duplicates(prints) == [("copy", "sub-P3S01_svs.nii.gz")]


@pytest.mark.skipif(not (BIG_GABA.exists() and SDAT.exists()), reason="the real scans are not beside this checkout")
def test_the_same_scan_is_found_in_the_format_of_the_vendor(tmp_path):
    pytest.importorskip("spec2nii")
    nibabel = pytest.importorskip("nibabel")
    convert = [command("spec2nii"), "philips", "-o", tmp_path, "-f", "converted", SDAT, SDAT.with_suffix(".spar")]
    subprocess.run(list(map(str, convert)), check=True, capture_output=True)
    files = [*BIG_GABA.glob("*_svs.nii.gz"), tmp_path / "converted.nii.gz"]
    prints = {file.name: fingerprint(np.asarray(nibabel.load(file).dataobj).reshape(-1)) for file in files}
    assert find_duplicates(prints) == [("converted.nii.gz", "sub-P3S01_svs.nii.gz")]
