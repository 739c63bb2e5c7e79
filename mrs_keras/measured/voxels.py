"""Which voxels of a spectroscopic image are read."""

from pathlib import Path

import numpy as np

from mrs_keras.measured.file_kinds import fault


def chosen_voxels(path: Path, data: np.ndarray, mask: Path | None) -> list[tuple[int, int, int]]:
    """Returns the indices of the voxels to read, in rising order.

    Args:
      path: of the scan, for errors.
      data: complex (x, y, z, ...).
      mask: NIfTI image with x, y, z voxels, not zero where a voxel is to be read. Defaults to `None`: all voxels whose
        FIDs are not zero. A single voxel is always read.

    Raises:
      ValueError: if the mask has other voxels, or no voxel is chosen.
    """
    shape = data.shape[:3]
    if mask is not None:
        chosen = _read_mask(Path(mask), path, shape)
    elif shape == (1, 1, 1):
        return [(0, 0, 0)]
    else:
        chosen = np.any(data != 0, axis=tuple(range(3, data.ndim)))
    voxels = [tuple(int(index) for index in voxel) for voxel in np.argwhere(chosen)]
    if not voxels:
        where = f"the mask '{mask}' is zero everywhere." if mask else "the FIDs of all its voxels are zero."
        raise fault(
            path, where, "Give a mask that is not zero where voxels are to be read." if mask else "Leave it out."
        )
    return voxels


def _read_mask(mask: Path, path: Path, shape: tuple[int, ...]) -> np.ndarray:
    import nibabel

    try:
        values = np.asarray(nibabel.load(mask).dataobj)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no mask '{mask}'. Expected: a NIfTI image of the voxels to read.") from None
    except Exception as error:  # nibabel can raise any exception on a damaged file
        raise ValueError(
            f"The mask '{mask}' cannot be read: {error} Give a NIfTI image that is not zero in the voxels to read."
        ) from error
    if values.shape[:3] != shape or values.size != np.prod(shape):
        raise ValueError(
            f"The mask '{mask}' must have the voxels of the scan '{path}'. Expected: shape {shape}. "
            f"Received: {values.shape}. Resample the mask to the grid of the spectra (FSL: `flirt -applyxfm`)."
        )
    # NaN, which SPM writes outside the brain, is no voxel.
    return np.nan_to_num(values.reshape(shape)) != 0
