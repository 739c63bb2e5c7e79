"""Basis files in all formats, written by other code than that under test, from a signal known in closed form."""

import json

import numpy as np

from mrs_keras import Acquisition

# Some of it is odd on purpose: neither default nor round.
ACQUISITION = Acquisition(127.74, 2500.0, 256)
NAMES = ("NAA", "Cr", "GPC")
SHIFTS_PPM = (2.008, 3.027, 3.212)
LINEWIDTH_HZ = 2.0


def known_fids(acquisition: Acquisition = ACQUISITION, names=NAMES) -> np.ndarray:
    """One Lorentzian line per metabolite, in the convention of this package: complex (points, metabolites)."""
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    offsets_hz = (np.array(SHIFTS_PPM[: len(names)]) - 4.65) * acquisition.spectrometer_frequency_mhz
    lines = np.exp(np.outer(times_s, 2j * np.pi * offsets_hz - np.pi * LINEWIDTH_HZ))
    return lines * np.arange(1, len(names) + 1)


def rows(values, columns: int, form: str = "{:15.7E}") -> str:
    numbers = [form.format(number) for value in values for number in (value.real, value.imag)]
    lines = ["".join(numbers[start : start + columns]) for start in range(0, len(numbers), columns)]
    return "\n".join(lines) + "\n"


def text_file(fid) -> str:
    return "".join(f"  {value.real:.7e}  {-value.imag:.7e}\n" for value in fid)


def jmrui_file(fids, names, acquisition: Acquisition = ACQUISITION) -> str:
    header = f"""jMRUI Data Textfile

Filename: basis.txt

PointsInDataset: {len(fids[0])}
DatasetsInFile: {len(fids)}
SamplingInterval: {1e3 / acquisition.bandwidth_hz:.7E}
ZeroOrderPhase: 0E0
BeginTime: 0E0
TransmitterFrequency: {acquisition.spectrometer_frequency_mhz * 1e6:.7E}
MagneticField: 3E0
TypeOfNucleus: 0E0
NameOfPatient: one: two
SignalNames: {"".join(name + ".txt;" for name in names)}


Signal and FFT
sig(real)\tsig(imag)\tfft(real)\tfft(imag)
"""
    for number, fid in enumerate(fids, 1):
        header += f"Signal {number} out of {len(fids)} in file\n"
        spectrum = np.fft.fft(fid)
        for value, point in zip(fid, spectrum, strict=True):
            header += f"{value.real:.7E}\t{value.imag:.7E}\t{point.real:.4E}\t{point.imag:.4E}\n"
    return header


def raw_file(fid, head: str = " $NMID ID='a.b', FMTDAT='(2E15.7)'\n TRAMP=1., VOLUME=1. $END\n") -> str:
    return head + rows(np.conj(fid), 2)


def json_file(fid, name: str, acquisition: Acquisition = ACQUISITION) -> str:
    basis = {
        "basis_re": fid.real.tolist(),
        "basis_im": (-fid.imag).tolist(),
        "basis_dwell": 1 / acquisition.bandwidth_hz,
        "basis_centre": acquisition.spectrometer_frequency_mhz,
        "basis_width": None,
        "basis_name": name,
    }
    return json.dumps({"basis": basis, "meta": {"SimVersion": "by hand"}}, indent=1)


def lcmodel_spectrum(fid) -> np.ndarray:
    """A FID as LCModel stores it: conjugated, twice as long, unitary transform, by the definition of the transform."""
    points = 2 * len(fid)
    turns = np.outer(np.arange(points), np.arange(len(fid))) % points
    return np.exp(-2j * np.pi / points * turns) @ np.conj(fid) / np.sqrt(points)


def basis_file(
    fids,
    names,
    acquisition: Acquisition = ACQUISITION,
    *,
    columns: int = 6,
    badelt: float | None = None,
    conc: float = 1.0,
    ishift: int = 0,
    change=lambda spectrum: spectrum,
    form: str = "{:15.7E}",
) -> str:
    content = f""" $SEQPAR
 FWHMBA = -1.,
 HZPPPM =  {acquisition.spectrometer_frequency_mhz:.9f},
 ECHOT =  30.,
 SEQ = 'PRESS'
 $END
 $BASIS1
 IDBASI = 'made by hand',
 FMTBAS = '({columns}E15.7)',
 BADELT =  {badelt if badelt is not None else 1 / acquisition.bandwidth_hz:.12f},
 NDATAB = {2 * len(fids[0])}
 $END
"""
    for fid, name in zip(fids, names, strict=True):
        content += f""" $NMUSED
 FILRAW = '{name}.RAW',
 AUTOPH = F,
 PPMAPP =  0.100000001 -0.100000001,
 PPMSPL =  997.  997.  997.,
  997.  997.
 $END
 $BASIS
 ID = 'it''s {name}',
 METABO = '{name}',
 CONC =  {conc},
 TRAMP =  1.,
 VOLUME =  1.,
 ISHIFT = {ishift}
 $END
"""
        content += rows(change(lcmodel_spectrum(fid)), columns, form)
    return content
