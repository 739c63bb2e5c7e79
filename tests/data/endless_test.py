"""The endless source of simulated batches."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from mrs_keras import CVAE, Prior, SpectralParameters, default_basis, fit_spectra, simulate
from mrs_keras.data import LabelColumns, simulated, simulated_batch
from mrs_keras.simulation import channels_to_complex

BASIS, PRIOR = default_basis(), Prior.from_preset("naa_pcr")
PARAMETERS = ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline")


def take(count, **options):
    return list(simulated(**options).take(count).as_numpy_iterator())


def assert_equal(first, second):
    for one, other in zip(first, second, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_batches_have_the_keys_and_shapes_that_a_model_takes():
    dataset = simulated(batch_size=16)
    assert dataset.element_spec == {
        "spectrum": tf.TensorSpec((16, 252, 2), tf.float32),
        "concentrations": tf.TensorSpec((16, 2), tf.float32),
    }
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


def test_a_batch_depends_on_its_number_and_the_seed_alone():
    batches = take(5, batch_size=8, seed=3, snr=30.0)
    tf.random.set_seed(1)
    assert_equal(batches, take(5, batch_size=8, seed=3, snr=30.0))
    assert_equal(batches[2:], take(3, batch_size=8, seed=3, snr=30.0, first_batch=2))
    others = take(5, batch_size=8, seed=4, snr=30.0)
    spectra = np.concatenate([batch["spectrum"] for batch in batches + others])
    assert len(np.unique(spectra.reshape(80, -1), axis=0)) == 80


def test_spectra_are_those_of_numpy_for_the_same_parameters():
    batch = {name: value.numpy() for name, value in simulated_batch(7, batch_size=50, seed=1).items()}
    parameters = SpectralParameters(**{name: batch[name] for name in PARAMETERS})
    expected = simulate(parameters, BASIS, dtype=np.complex128)
    errors = np.linalg.norm(channels_to_complex(batch["spectrum"]) - expected, axis=1) / np.linalg.norm(
        expected, axis=1
    )
    assert errors.max() < 1e-5
    assert_equal(take(1, batch_size=50, seed=1, first_batch=7), [{k: batch[k] for k in ("spectrum", "concentrations")}])


def test_parameters_are_drawn_from_the_prior():
    batches = [simulated_batch(n, batch_size=2000, seed=5) for n in range(5)]
    drawn = {name: np.concatenate([batch[name] for batch in batches]).reshape(10_000, -1) for name in PARAMETERS}
    ranges = {
        "concentrations": list(PRIOR.concentrations.values()),
        **{name: [getattr(PRIOR, name)] for name in PARAMETERS[1:6]},
        "baseline": [PRIOR.baseline] * 10,
    }
    numbers = []
    for name, limits in ranges.items():
        scale = PRIOR.peak_height(BASIS) if name == "baseline" else 1
        for column, limit in zip(drawn[name].T / scale, limits, strict=True):
            numbers.append((column - limit.low) / (limit.high - limit.low))
            # 17 tests at 1e-4 each; the seed is fixed.
            assert scipy.stats.kstest(numbers[-1], "uniform").pvalue > 1e-4
    assert np.abs(np.corrcoef(numbers) - np.eye(17)).max() < 5 / np.sqrt(10_000)


def test_a_spectral_fit_finds_the_concentrations_again():
    batch = take(1, batch_size=20, seed=9)[0]
    fit = fit_spectra(channels_to_complex(batch["spectrum"]), BASIS)
    np.testing.assert_allclose(fit.parameters.concentrations, batch["concentrations"], rtol=1e-3)


def test_noise_has_the_snr_asked_for():
    clean, noisy = (simulated_batch(0, batch_size=300, seed=2, snr=snr) for snr in (None, 20.0))
    np.testing.assert_array_equal(clean["gamma"], noisy["gamma"])
    noise = (noisy["spectrum"] - clean["spectrum"]).numpy()
    parameters = SpectralParameters(**{n: clean[n].numpy() for n in PARAMETERS if n != "baseline"})
    heights = np.abs(simulate(parameters, BASIS)).max(axis=1)
    relative = noise * 20.0 / heights[:, None, None]
    # 75,600 numbers per part: a standard error of 0.26 % of sigma.
    np.testing.assert_allclose(relative.std(axis=(0, 1)), 1, rtol=0.013)
    assert abs(np.mean(relative[..., 0] * relative[..., 1])) < 5 / np.sqrt(75_600)
    assert scipy.stats.kstest(relative.ravel(), "norm").pvalue > 1e-3


def test_noisy_batches_name_the_level_of_their_noise():
    (noisy,) = take(1, batch_size=64, seed=2, snr=5.0)
    clean = simulated_batch(0, batch_size=64, seed=2)["spectrum"].numpy()
    found = (noisy["spectrum"] - clean).std(axis=(1, 2))
    # 504 numbers of each spectrum: a standard error of 3.2 %, and the largest of 64.
    np.testing.assert_allclose(found, noisy["noise_sigma"], rtol=0.12)
    assert np.mean(found / noisy["noise_sigma"]) == pytest.approx(1, abs=0.015)
    assert noisy["noise_sigma"].std() > 0


def test_labels_may_be_sums_and_ratios_of_the_metabolites():
    (plain,) = take(1, batch_size=8, seed=1)
    (batch,) = take(1, batch_size=8, seed=1, labels=LabelColumns.of(["NAA/PCr", "PCr"], ["NAA", "PCr"], [2.0, 1.0]))
    np.testing.assert_array_equal(batch["spectrum"], plain["spectrum"])
    naa, pcr = plain["concentrations"].T
    np.testing.assert_allclose(batch["concentrations"], np.stack([2 * naa / pcr, pcr], axis=1), rtol=1e-6)


def test_a_model_trains_on_the_endless_source():
    keras.utils.set_random_seed(0)
    model = CVAE.from_preset("base")
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(simulated(batch_size=32), steps_per_epoch=20, epochs=3, shuffle=False, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"snr": -1.0}, {"first_batch": -1}, {"prior": "unknown"}, {"batch_size": 2.5}]
)
def test_arguments_out_of_range_are_refused_at_once(options):
    with pytest.raises(ValueError, match="`(batch_size|snr|first_batch|preset)`"):
        simulated(**options)
