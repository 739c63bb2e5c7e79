"""The tables of the example: participants, truth, and labels such as a fit gives."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mrs_keras.measured.example_descriptions import write_json
from mrs_keras.measured.scan_design import ScanDesign
from mrs_keras.measured.simulated_scans import SimulatedScan

MISSING = "n/a"
"""How BIDS writes a missing value in a table."""

SUMS: dict[str, tuple[str, ...]] = {
    "tNAA": ("NAA", "NAAG"),
    "tCho": ("GPC", "PCho"),
    "mI": ("Ins",),
    "Glx": ("Glu", "Gln"),
    "GSH": ("GSH",),
}
"""Label -> metabolites that it sums; each is given over tCr."""

TOTAL_CREATINE = ("Cr", "PCr")

RELATIVE_DEVIATION_AT_SNR_60 = {"tNAA": 0.03, "tCho": 0.04, "mI": 0.06, "Glx": 0.08, "GSH": 0.12}
"""Standard deviation of a fit over the value, at an SNR of 60; it falls with the SNR. Choice of this package, of the
size of the differences between programs in vivo (Zöllner et al. 2021, doi 10.1002/nbm.4482)."""

MISSING_LABEL = (1, "GSH")
"""Index of the participant, and label, that the table of labels lacks: real tables have gaps."""

Row = Mapping[str, float | str]


def write_tables(folder: Path, scans: Sequence[tuple[str, SimulatedScan]], design: ScanDesign) -> None:
    """Writes participants, labels and truth as tab-separated values, with a description of the columns of each.

    Args:
      folder: root of the BIDS folder.
      scans: (participant_id, scan), in order.
      design: of the scans; its seed is that of the noise of the labels.
    """
    rows: list[Row] = [{"participant_id": name, "site": f"site{scan.site + 1}"} for name, scan in scans]
    _write_table(folder / "participants.tsv", rows, {"site": ("Site of the (simulated) scanner", "")})

    names = list(scans[0][1].concentrations)
    units = {name: "mM of protons" if name.startswith(("MM", "Lip")) else "mM" for name in names}
    _write_table(
        folder / "truth.tsv",
        [{"participant_id": name, **scan.concentrations, **_line_shape(scan)} for name, scan in scans],
        {
            **{name: ("Concentration that the scan was simulated with", unit) for name, unit in units.items()},
            "gamma": ("Lorentzian decay rate, without the 2 Hz of the basis", "1/s"),
            "sigma": ("Gaussian decay rate", "1/s"),
            "snr": (
                "Height of NAA over the standard deviation of the real part of the noise, with the best combination of "
                "coils and transients",
                "",
            ),
        },
    )
    columns = {}
    for label, members in SUMS.items():
        ratio = f"({' + '.join(members)}) / ({' + '.join(TOTAL_CREATINE)})"
        columns[f"{label}_over_tCr"] = (f"{ratio}, with the noise that a fit might have", "")
        columns[f"{label}_over_tCr_sd"] = (f"Standard deviation of {label}_over_tCr", "")
    rows = [{"participant_id": name, **_labels(index, scan, design)} for index, (name, scan) in enumerate(scans)]
    _write_table(folder / "labels.tsv", rows, columns)


def true_ratio(concentrations: Mapping[str, float], label: str) -> float:
    """Returns a label of `SUMS` over total creatine, no unit.

    >>> true_ratio({"GPC": 1.0, "PCho": 0.5, "Cr": 4.0, "PCr": 4.0}, "tCho")
    0.1875
    """
    return sum(concentrations[name] for name in SUMS[label]) / sum(concentrations[name] for name in TOTAL_CREATINE)


def _line_shape(scan: SimulatedScan) -> Row:
    return {name: scan.truth[name] for name in ("gamma", "sigma", "snr")}


def _labels(participant: int, scan: SimulatedScan, design: ScanDesign) -> Row:
    """Returns ratios with noise, and its standard deviation."""
    row: dict[str, float | str] = {}
    errors = design.draws(participant).normal("labels", len(SUMS))
    for label, error in zip(SUMS, errors, strict=True):
        truth = true_ratio(scan.concentrations, label)
        deviation = truth * RELATIVE_DEVIATION_AT_SNR_60[label] * 60 / scan.truth["snr"]
        missing = (participant, label) == MISSING_LABEL
        row[f"{label}_over_tCr"] = MISSING if missing else truth + deviation * float(error)
        row[f"{label}_over_tCr_sd"] = MISSING if missing else deviation
    return row


def _write_table(path: Path, rows: Sequence[Row], columns: Mapping[str, tuple[str, str]]) -> None:
    """Writes rows as tab-separated values, and the description and unit of the columns as JSON."""
    lines = ["\t".join(rows[0])]
    lines += ["\t".join(v if isinstance(v, str) else f"{v:.6g}" for v in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    described = {
        name: {"Description": text, **({"Units": unit} if unit else {})} for name, (text, unit) in columns.items()
    }
    write_json(path.with_suffix(".json"), described)
