"""Finds scans that hold the same FID, under other names and in other formats."""

from collections.abc import Mapping

import numpy as np

from mrs_keras.checks import check_finite

SKETCH = 64
"""Complex numbers in a fingerprint."""

_POINTS = 8 * SKETCH
_BLOCK = 1024
_TAPER = np.hanning(_POINTS + 1)[:-1]

COHERENCE = 0.9
"""Two fingerprints are compared in full if the phases of their numbers agree by more than this, of 1."""

TOLERANCE = 0.05
"""Two FIDs are the same if half of the numbers in their fingerprints differ by less than this, relative to each."""


def fingerprint(fids: np.ndarray) -> bytes:
    """Returns 64 points of the spectrum of the beginning of an FID, for `find_duplicates`.

    The first 512 points are tapered (Hann) and transformed, and each eighth point of the spectrum is kept. Far from the
    peaks these are noise, which no two measurements share. The fingerprints of two FIDs are equal if these differ by a
    complex factor, by numeric precision, or beyond the first 512 points (length, zero filling); conjugate FIDs are
    found as well. FIDs that were apodised, shifted in frequency or aligned otherwise have other fingerprints.

    Args:
      fids: complex (..., points), coils and transients first, as in a `Scan`. Of several coils, the strongest one
        counts, averaged over its transients.

    Returns:
      bytes: 64 numbers of complex64.

    Raises:
      ValueError: if the FID is zero, or has NaN or infinite points.

    Example:

    >>> fid = np.random.default_rng(0).normal(size=(2048, 2)) @ [1, 1j]
    >>> len(fingerprint(fid)), len(find_duplicates({"a": fingerprint(fid), "b": fingerprint(-2j * fid)}))
    (512, 1)
    """
    fids = check_finite("fids", np.asarray(fids, np.complex128))
    if fids.ndim == 0 or fids.shape[-1] == 0:
        raise ValueError(f"`fids` must have the shape (..., points). Received: {fids.shape}. Read the file again.")
    coils = fids.reshape(-1, *fids.shape[-2:]) if fids.ndim > 1 else fids.reshape(1, 1, -1)
    coils = coils[..., :_POINTS].mean(axis=1)
    fid = coils[np.argmax(np.einsum("cp,cp->c", coils, coils.conj()).real)]
    largest = np.abs(fid).max()
    if largest == 0:
        raise ValueError("The FID is zero, and has no fingerprint. Expected a signal. Leave this scan out.")
    spectrum = np.fft.fft(fid / largest * _TAPER[: len(fid)], _POINTS)[:: _POINTS // SKETCH]
    return spectrum.astype(np.complex64).tobytes()


def find_duplicates(fingerprints: Mapping[str, bytes]) -> list[tuple[str, ...]]:
    """Returns the groups of scans that hold the same FID, or its conjugate.

    Phases of the fingerprints are compared first: their coherence |sum_k u_k v_k*| / 64 is 1 for the same FID, and near
    1/8 for independent noise. Pairs above `COHERENCE` are the same if the median of |a_k - c b_k| / |a_k| is below
    `TOLERANCE`, with c the complex factor between them. This takes 1 s for 10,000 scans on one core.

    Args:
      fingerprints: name of a scan -> `fingerprint` of its FIDs.

    Returns:
      Sorted groups of two or more sorted names; empty if all scans differ.
    """
    names = sorted(fingerprints)
    if not names:
        return []
    sketches = np.frombuffer(b"".join(fingerprints[name] for name in names), np.complex64).reshape(len(names), SKETCH)
    sizes = np.abs(sketches)
    phases = np.divide(sketches, sizes, out=np.zeros_like(sketches), where=sizes > 0)
    conjugate = -np.arange(SKETCH) % SKETCH  # FFT(x*)[k] = FFT(x)[-k]*
    group_of = list(range(len(names)))
    for start in range(0, len(names), _BLOCK):
        # Only pairs with a later scan: the others have been compared.
        block, others = phases[start : start + _BLOCK], phases[start:].T
        for is_conjugate, turned in ((False, block.conj()), (True, block[:, conjugate])):
            coherence = np.abs(turned @ others)
            for row, column in np.argwhere(coherence > COHERENCE * SKETCH):
                first, second = start + int(row), start + int(column)
                if first >= second:
                    continue
                other = sketches[second]
                if _are_equal(sketches[first], other[conjugate].conj() if is_conjugate else other):
                    _join(group_of, first, second)
    groups: dict[int, list[str]] = {}
    for index, name in enumerate(names):
        groups.setdefault(_root(group_of, index), []).append(name)
    return sorted(tuple(group) for group in groups.values() if len(group) > 1)


def check_no_duplicates(fingerprints: Mapping[str, bytes]) -> None:
    """Raises `ValueError` with the names of all scans that hold the same FID, if there are any."""
    groups = find_duplicates(fingerprints)
    if groups:
        shown = "; ".join(" and ".join(map(repr, group)) for group in groups[:10])
        more = f"; and {len(groups) - 10} more groups" if len(groups) > 10 else ""
        raise ValueError(
            "Scans hold the same FID, and copies in two splits would leak. Expected each measurement once. "
            f"Received: {shown}{more}. Remove all but one of each."
        )


def _are_equal(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two sketches are equal up to a complex factor."""
    first, second = first.astype(np.complex128), second.astype(np.complex128)
    both = (first != 0) & (second != 0)
    if not both.any():
        return False
    ratio = first[both] / second[both]
    factor = np.median(np.abs(ratio)) * np.exp(1j * np.angle(np.sum(ratio / np.abs(ratio))))
    return bool(np.median(np.abs(1 - factor / ratio)) < TOLERANCE)


def _root(group_of: list[int], index: int) -> int:
    while group_of[index] != index:
        group_of[index] = group_of[group_of[index]]
        index = group_of[index]
    return index


def _join(group_of: list[int], first: int, second: int) -> None:
    group_of[_root(group_of, second)] = _root(group_of, first)
