"""What an example says about itself: title, README, and the metadata of BIDS."""

import json
from pathlib import Path
from typing import Any

import mrs_keras
from mrs_keras.measured.check_scan import PROTON_MHZ_PER_T
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.scan_design import PRESET, ScanDesign

TITLE = "Simulated MRS scans (mrs_keras example)"
"""`Name` in the dataset_description.json of an example, by which a later call knows it."""

TRUTH_KEY = "SimulatedTruth"
"""Key of the header extension with the truth about a scan."""

BIDS_VERSION = "1.10.0"
"""Version of the Brain Imaging Data Structure: the first with MRS."""

README = """\
These scans are SIMULATED by mrs_keras {version}: no person was measured. Use them to try commands and to test programs,
never as evidence about people or scanners.

Each participant has one raw scan of the brain (PRESS, TE 30 ms, TR 2000 ms, {mhz:g} MHz, {bandwidth:g} Hz,
{points} points; {coils} coils x {transients} transients) and a water reference of the same voxel. They carry residual
water, eddy currents, drift of frequency and phase, noise that is correlated between coils, and, in some scans, one or
two transients corrupted by motion. Sites differ in noise, line width, gain and phases of the coils. Metabolites and
line shapes are drawn from the prior `{preset}` of mrs_keras.

    sub-XX/mrs/*_svs.nii.gz      the scan, NIfTI-MRS
    sub-XX/mrs/*_mrsref.nii.gz   its water reference
    participants.tsv             site of each participant
    labels.tsv                   what a fit might give: sums over total creatine, each with its standard deviation
    truth.tsv                    what each scan was simulated with

Columns are described in the .json file of each table. What was done to each coil and transient is in the header of
the scan, under `{key}`. The random numbers of participant k depend on (seed, k) alone; the seed is {seed}.
"""


def sidecar(scan: Scan, suppressed: bool) -> dict[str, Any]:
    """Returns the metadata that BIDS requires or recommends for MRS."""
    return {
        "ResonantNucleus": [scan.nucleus],
        "SpectrometerFrequency": [scan.spectrometer_frequency_mhz],
        "SpectralWidth": scan.bandwidth_hz,
        "EchoTime": scan.echo_time_ms / 1000,
        "RepetitionTime": scan.repetition_time_ms / 1000,
        "NumberOfSpectralPoints": scan.points,
        "NumberOfTransients": scan.transients,
        "NumberReceiveCoilActiveElements": scan.coils,
        "WaterSuppression": suppressed,
        "PulseSequenceType": "PRESS",
        "SequenceName": scan.sequence,
        "PulseSequenceDetails": "Simulated: ideal pulses, TE1 11 ms, TE2 19 ms",
        "MagneticFieldStrength": round(scan.spectrometer_frequency_mhz / PROTON_MHZ_PER_T, 3),
        "Manufacturer": "none: simulated",
        "SoftwareVersions": f"mrs_keras {mrs_keras.__version__}",
    }


def write_descriptions(folder: Path, design: ScanDesign) -> None:
    """Writes dataset_description.json, README and .bidsignore to the root of an example."""
    acquisition = design.acquisition
    write_json(
        folder / "dataset_description.json",
        {
            "Name": TITLE,
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "License": "CC0",
            "Authors": ["The mrs_keras authors"],
            "GeneratedBy": [
                {
                    "Name": "mrs_keras",
                    "Version": mrs_keras.__version__,
                    "Description": f"mrs-keras measured example, seed {design.seed}: simulated, no person was measured",
                }
            ],
        },
    )
    readme = README.format(
        version=mrs_keras.__version__,
        mhz=acquisition.spectrometer_frequency_mhz,
        bandwidth=acquisition.bandwidth_hz,
        points=acquisition.points,
        coils=design.coils,
        transients=design.transients,
        preset=PRESET,
        key=TRUTH_KEY,
        seed=design.seed,
    )
    (folder / "README").write_text(readme, encoding="utf-8")
    (folder / ".bidsignore").write_text("truth.*\nlabels.*\n", encoding="utf-8")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes plain data as indented JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
