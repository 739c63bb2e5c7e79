"""SIGKILL at random moments of dataset build, training, checkpoint and export: what is left goes on to the same end."""

import json

import pytest

from tests.conftest import run_python

STAGES = ("build", "train", "checkpoint", "export")

# Processes are forked from one that has imported TensorFlow but not run it, which saves seconds at each start.
CODE = """
import json, os, random, select, shutil, signal, sys, time, traceback
from pathlib import Path

import numpy as np

from mrs_keras.data import build_dataset, load_arrays, open_dataset
from mrs_keras.models import load_trained
from mrs_keras.models import CVAE_PRESETS
from mrs_keras.serving import export, load_export
from mrs_keras.run_folder import checkpoint_files, epochs_of, read_history
from mrs_keras.training import callbacks, speed, train
from mrs_keras.models.trained import load_model
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder

MIXTURE = {"kind": "mixture", "components": 2}
CVAE_PRESETS["base"]["config"].update(latent_dim=4, hidden_units=(32, 16), latent_prior=MIXTURE)
Builder.BUILDER_CONFIGS[0].train, Builder.BUILDER_CONFIGS[0].validation = 1000, 200
EPOCHS = 12
speed.compiles = lambda strategy: False  # XLA would compile anew in each process


def pipeline(folder, say):
    def save_model(*arguments, save=callbacks.save_model):
        say("checkpoint")
        save(*arguments)

    callbacks.save_model = save_model
    say("build")
    build_dataset(data_dir=folder / "data")
    say("train")
    train(folder / "run", data_dir=folder / "data", epochs=EPOCHS, batch_size=256, checkpoint_every=2)
    say("export")
    export(load_trained(folder / "run"), folder / "models")
    say("end")


def check(folder):
    '''What looks finished is whole: it loads, and its numbers are there.'''
    try:
        builder = open_dataset(data_dir=folder / "data")
    except FileNotFoundError:
        assert not (folder / "run").exists()
    else:
        assert {split: len(load_arrays(builder, split)["gamma"]) for split in builder.info.splits} == {
            "train": 1000, "validation": 200, "test": 4
        }
    run = folder / "run"
    if (run / "settings.json").exists():
        assert json.loads((run / "settings.json").read_text())["epochs"] == EPOCHS
    for checkpoint in checkpoint_files(run):
        assert int(load_model(checkpoint, "").optimizer.iterations.numpy()) == 4 * epochs_of(checkpoint)
    if (run / "model.keras").exists():
        model = load_trained(run)
        assert int(model.optimizer.iterations.numpy()) == 4 * EPOCHS
        assert model.latent_prior.means.numpy().any()
    names = [name for name in ("encoder", "generator") if (folder / "models" / name / "1").exists()]
    if len(names) == 2:
        encoder, generator = load_export(folder / "models")
        seeds = np.arange(2, dtype=np.int64)
        spectrum = generator.signatures["generate"](concentrations=np.full((2, 2), [10, 4], np.float32), seed=seeds)
        assert np.isfinite(spectrum["spectrum"]).all()
    elif names:  # between the two renames: whole, and known not to be both
        try:
            load_export(folder / "models")
        except FileNotFoundError:
            pass
        else:
            raise AssertionError(names)


def result(folder):
    weights = np.concatenate([np.ravel(weight) for weight in load_trained(folder / "run").get_weights()])
    np.savez(folder / "result.npz", weights=weights, **read_history(folder / "run"))


def forked(function, *arguments):
    '''Runs a function in a process of its own; returns its number, and a pipe with what it says.'''
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reader)
            function(*arguments, lambda text: os.write(writer, f"{text}\\n".encode()))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    return pid, reader


def whole(function, *arguments):
    '''Runs a function to its end; returns (stage, moment) of all it said.'''
    pid, reader = forked(function, *arguments)
    said = []
    with os.fdopen(reader) as lines:
        for line in lines:
            said.append((line.strip(), time.monotonic()))
    assert os.waitpid(pid, 0)[1] == 0, f"{function} failed"
    return said


def killed(folder, stage, seconds):
    '''Kills the pipeline so long after the beginning of a stage; returns the last stage, `"end"` where it was done.'''
    pid, reader = forked(pipeline, folder)
    last, end = "", None
    with os.fdopen(reader, "rb", 0) as lines:
        while end is None or time.monotonic() < end:
            if not select.select([lines], [], [], 120 if end is None else max(0, end - time.monotonic()))[0]:
                assert end is not None, "the pipeline hangs"
                break
            line = lines.readline().decode().strip()
            if not line:  # it came to its end
                break
            last = line
            if line == stage and end is None:
                end = time.monotonic() + seconds
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the pipeline failed"
    return last


root, seed, stages = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
said = whole(pipeline, root / "uninterrupted")
# Of a stage that comes several times, the last.
seconds = {stage: after - before for (stage, before), (_, after) in zip(said, said[1:])}
whole(lambda folder, say: result(folder), root / "uninterrupted")
generator, folder, hit = random.Random(seed), root / "killed", []
for stage in stages:
    hit.append(killed(folder, stage, generator.random() * seconds[stage]))
    whole(lambda folder, say: check(folder), folder)
    if hit[-1] == "end":
        whole(lambda folder, say: result(folder), folder)
        folder.rename(root / f"finished_{len(hit)}")
if folder.exists():
    whole(pipeline, folder)
    whole(lambda folder, say: check(folder), folder)
    assert not [path for name in ("run", "models") for path in (folder / name).rglob(".partial-*")]
    whole(lambda folder, say: result(folder), folder)
    folder.rename(root / "finished_last")
expected = dict(np.load(root / "uninterrupted" / "result.npz"))
finished = sorted(root.glob("finished_*"))
assert finished
for path in finished:
    found = dict(np.load(path / "result.npz"))
    np.testing.assert_array_equal(found["weights"], expected["weights"])
    np.testing.assert_array_equal(found["epoch"], expected["epoch"])
    np.testing.assert_allclose(found["val_loss"], expected["val_loss"], rtol=1e-6)
print(json.dumps({"hit": hit, "finished": len(finished)}))
"""


def kills(folder, seed: int, stages) -> dict:
    process = run_python(CODE, folder, seed, json.dumps(list(stages)), check=False)
    assert process.returncode == 0, process.stderr[-5000:]
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.slow
def test_three_kills_lose_nothing_and_leave_nothing_half_done(tmp_path, measured):
    result = kills(tmp_path, 0, ("build", "checkpoint", "export"))
    measured(f"killed in {', '.join(result['hit'])}: the same bits in the end")
    assert len(result["hit"]) == 3


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_leave_nothing_half_done(tmp_path, measured):
    result = kills(tmp_path, 1, STAGES * 5)
    measured(
        f"20 kills in {', '.join(result['hit'])}: {result['finished']} trainings, all with the same bits in the end"
    )
    assert len(result["hit"]) == 20
    assert len(set(result["hit"])) >= 3
