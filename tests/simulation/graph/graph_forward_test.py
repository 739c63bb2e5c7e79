"""The forward model inside a TensorFlow graph against the one in NumPy."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import Prior, SpectralParameters, default_basis
from mrs_keras.basis import basis_for, simulate_basis
from mrs_keras.simulation import forward_model, simulate
from mrs_keras.simulation.graph import tf_forward_model
from tests.conftest import run_python

BASIS, PRIOR = default_basis().scaled(), Prior.from_preset("naa_pcr")


def compiled(basis, **options):
    return tf.function(lambda parameters: tf_forward_model(parameters, basis, **options), autograph=False)


def relative_error(ours, reference):
    return np.linalg.norm(ours - reference) / np.linalg.norm(reference)


@pytest.mark.parametrize("ppm_limits", [None, "window"])
@pytest.mark.parametrize("baseline", [True, False])
def test_spectra_in_a_graph_are_those_of_numpy(ppm_limits, baseline):
    parameters = PRIOR.draw(BASIS, 0, 20, seed=0)
    if not baseline:
        parameters = dataclasses.replace(parameters, baseline=None)
    points = BASIS.acquisition.window if ppm_limits else slice(None)
    spectra = compiled(BASIS, ppm_limits=ppm_limits)(vars(parameters))
    assert spectra.dtype == tf.complex64
    assert relative_error(spectra, forward_model(parameters, BASIS)[:, points]) < 1e-5


@pytest.mark.parametrize("groups", [None, [0, 1, 0], [2, 0, 1]])
def test_line_shapes_of_groups_in_a_graph_are_those_of_numpy(groups):
    basis = simulate_basis(["NAA", "Cr", "Ins"]).scaled()
    rng = np.random.default_rng(0)
    shapes = rng.uniform(0, 20, (3, 5, 2 if groups == [0, 1, 0] else 3))
    parameters = SpectralParameters(
        rng.uniform(1, 9, (5, 3)), *shapes, rng.uniform(-3, 3, 5), rng.uniform(-1e-4, 1e-4, 5)
    )
    spectra = compiled(basis, metabolite_groups=groups, ppm_limits=None)(vars(parameters))
    assert relative_error(spectra, forward_model(parameters, basis, metabolite_groups=groups)) < 1e-5


def test_the_spectra_have_a_gradient_in_every_parameter():
    parameters = {name: tf.constant(value, tf.float32) for name, value in vars(PRIOR.draw(BASIS, 0, 4, seed=0)).items()}
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        power = tf.reduce_sum(tf.square(tf.abs(tf_forward_model(parameters, BASIS))))
    for gradient in tape.gradient(power, parameters).values():
        assert np.isfinite(gradient).all()
        assert np.any(gradient)


def test_effects_in_a_graph_are_those_of_numpy():
    prior = Prior.from_preset("brain_press_te30_uniform")
    basis = basis_for(prior.metabolites).scaled()
    parameters = dataclasses.replace(prior.draw(basis, 0, 12, seed=0), baseline=None)
    effects = prior.draw_effects(basis, 0, 12, seed=0)
    expected = simulate(parameters, basis, effects, dtype=np.complex128)
    values = {name: tf.constant(value, tf.float32) for name, value in effects.values().items()}
    spectra = tf.function(lambda: tf_forward_model(vars(parameters), basis, values), autograph=False)()
    assert relative_error(spectra, expected) < 1e-5


def test_effects_have_a_gradient():
    parameters = {name: tf.constant(value, tf.float32) for name, value in vars(PRIOR.draw(BASIS, 0, 2, seed=0)).items()}
    names = ("eddy_amplitude_hz", "eddy_time_constant_s", "drift_hz")
    effects = {name: tf.constant([0.02, 0.05]) for name in names}
    with tf.GradientTape() as tape:
        tape.watch(effects)
        power = tf.reduce_sum(tf.square(tf.math.real(tf_forward_model(parameters, BASIS, effects))))
    for gradient in tape.gradient(power, effects).values():
        assert np.isfinite(gradient).all()
        assert np.any(gradient)


def test_the_simulation_does_not_import_tensorflow():
    run_python("import sys, mrs_keras.simulation; assert 'tensorflow' not in sys.modules")
