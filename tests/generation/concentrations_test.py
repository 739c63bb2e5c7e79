import numpy as np
import pytest
import scipy.stats

from mrs_keras.generation import generate_dataset, read_concentrations
from tests.conftest import REPOSITORY


def concentrations(source, tmp_path, **options) -> np.ndarray:
    path = generate_dataset(source, tmp_path / "spectra.npz", overwrite=True, **options)
    return np.load(path)["concentrations"]


def test_drawn_concentrations_are_uniform_in_the_trained_range_and_independent(source, tmp_path, measured):
    drawn = concentrations(source, tmp_path, number=3000)
    labels = source.description.labels
    for name, column, (low, high) in zip(labels.names, drawn.T, labels.ranges, strict=True):
        assert low <= column.min() < column.max() <= high
        p = scipy.stats.kstest(column, scipy.stats.uniform(low, high - low).cdf).pvalue
        measured(f"drawn concentrations of {name}: uniform with p = {p:.2f}")
        assert p > 0.01
    assert abs(scipy.stats.pearsonr(*drawn.T).statistic) < 0.05  # 2.7 standard deviations


def test_a_table_gives_each_spectrum_its_concentrations(source, tmp_path):
    table = tmp_path / "labels.csv"
    # As a spreadsheet writes it: a byte order mark, Windows' line ends, an empty line at the end.
    table.write_bytes("\ufeffPCr, NAA\r\n4.5,12\r\n3.25,16.5\r\n\r\n".encode())
    given = read_concentrations(str(table))
    assert given == {"PCr": [4.5, 3.25], "NAA": [12.0, 16.5]}
    assert concentrations(source, tmp_path, concentrations=given).tolist() == [[12.0, 4.5], [16.5, 3.25]]


def test_concentrations_of_all_spectra_are_given_in_a_line(source, tmp_path):
    given = read_concentrations("PCr=4.5, NAA = 12")
    assert given == {"PCr": 4.5, "NAA": 12.0}
    assert concentrations(source, tmp_path, concentrations=given, number=2).tolist() == [[12.0, 4.5]] * 2
    assert len(concentrations(source, tmp_path, concentrations=given)) == 1000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NAA=12,PCr=high", "concentration of PCr .* must be a number in mM. Received: 'high'"),
        ("NAA=12,PCr", "concentration of PCr .* must be a number in mM. Received: ''"),
        ("NAA=12,PCr=4,NAA=13", "named once. Received twice: NAA"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read_concentrations(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no spectra. .* Received: 0 row"),
        (b"NAA,PCr\n", "has no spectra. .* Received: 1 row"),
        (b"NAA,PCr\n12,4.5\n13\n", "Row 2 of .* Expected 2 .*Received 1: 13"),
        (b"NAA,PCr\n12,4.5,1\n", "Row 1 of .* Expected 2 .*Received 3"),
        (b"NAA,PCr\n12,lots\n", "concentration of PCr in row 1 of .*Received: 'lots'"),
        (b"NAA,PCr\n12,\n", "concentration of PCr in row 1 of .*Received: ''"),
        (b"NAA,PCr,NAA\n12,4,12\n", "named once. Received twice: NAA"),
        (b"\x89PNG\xff\xfe", "Cannot read a table of concentrations"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, content, message):
    table = tmp_path / "labels.csv"
    table.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_concentrations(str(table))


def test_a_table_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"no table of concentrations 'labels.csv'.*NAA=12,PCr=4.5"):
        read_concentrations("labels.csv")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"NAA": 12.0}, "Expected exactly: NAA, PCr. Unknown: none. Missing: PCr"),
        ({"naa": 12.0, "PCr": 4.5}, "Unknown: naa. Missing: NAA"),
        ({"NAA": 12.0, "PCr": 4.5, "Glu": 8.0}, "Unknown: Glu. Missing: none"),
        ({"NAA": -1.0, "PCr": 4.5}, "Received: NAA=-1.0"),
        ({"NAA": [12.0, -2.5], "PCr": 4.5}, "Received: NAA=-2.5 in row 2"),
        ({"NAA": 12.0, "PCr": [4.5, 4.0, np.nan]}, "Received: PCr=nan in row 3"),
        ({"NAA": float("inf"), "PCr": 4.5}, "Received: NAA=inf"),
        ({"NAA": 1e39, "PCr": 4.5}, "finite"),
        ({"NAA": [], "PCr": 4.5}, "at least one row"),
        ({"NAA": [[12.0]], "PCr": 4.5}, "Received: NAA"),
        ({"NAA": [12.0, 13.0], "PCr": [4.5]}, "the same number of concentrations. Received: {'NAA': 2, 'PCr': 1}"),
        ([[12.0, 4.5]], "mapping from metabolite name.* Received: list"),
    ],
)
def test_concentrations_that_do_not_fit_the_model_are_refused(source, tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        generate_dataset(source, tmp_path / "spectra.npz", concentrations=given)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_is_not_that_of_the_rows_is_refused(source, tmp_path):
    with pytest.raises(ValueError, match="Expected: 2. Received: number=3"):
        generate_dataset(source, tmp_path / "x.npz", number=3, concentrations={"NAA": [12.0, 13.0], "PCr": 4.5})


def test_concentrations_outside_the_trained_range_are_a_warning_that_names_it(source, tmp_path):
    with pytest.warns(UserWarning, match=r"PCr 3 to 5.5 mM. Received: PCr=9 in row 1\.") as caught:
        drawn = concentrations(source, tmp_path, concentrations={"NAA": 12.0, "PCr": [4.0, 9.0]})
    assert "NAA=" not in str(caught[0].message)
    assert len(caught) == 1
    assert drawn[:, 1].tolist() == [4.0, 9.0]


def test_savedmodels_refuse_concentrations_outside_the_trained_range(tmp_path):
    with pytest.raises(ValueError, match=r"PCr 3 to 5.5 mM. Received: PCr=9 in row 0.*--run RUN"):
        generate_dataset(
            REPOSITORY / "saved_models", tmp_path / "x.npz", number=2, concentrations={"NAA": 12.0, "PCr": 9.0}
        )
    assert list(tmp_path.iterdir()) == []
