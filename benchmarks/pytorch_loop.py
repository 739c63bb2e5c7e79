"""The same training in eager PyTorch, as a typical user writes it: the baseline of `train.py`."""

import math

import keras
import torch
from torch import nn

from mrs_keras.models import CVAE


class Cvae(nn.Module):
    """The network of a `CVAE` whose decoder variance is that of the batch; initialised with the weights of `model`."""

    def __init__(self, model: CVAE):
        super().__init__()
        low, high = torch.tensor(model.labels.ranges).T
        self.register_buffer("middle", (low + high) / 2)
        self.register_buffer("half_range", (high - low) / 2)
        self.spectrum_scale = model.spectrum_scale
        layers = range(1, len(model.hidden_units) + 1)
        self.encoder = nn.ModuleList(_linear(model.encoder, f"hidden_{k}") for k in layers)
        self.z_mean, self.z_log_var = _linear(model.encoder, "z_mean"), _linear(model.encoder, "z_log_var")
        self.decoder = nn.ModuleList(_linear(model.generator, f"hidden_{k}") for k in layers)
        self.gains = nn.ModuleList(_linear(model.generator, f"gain_{k}") for k in layers)
        self.output = _linear(model.generator, "real_then_imaginary")

    def forward(self, spectrum, concentrations, noise, kl_weight):
        """Returns the loss, a scalar: mean over the batch of reconstruction and weighted KL, in nats."""
        label = (concentrations - self.middle) / self.half_range
        target = (spectrum / self.spectrum_scale).transpose(1, 2).flatten(1)
        hidden = torch.cat([target, label], dim=1)
        for layer in self.encoder:
            hidden = nn.functional.gelu(layer(hidden))
        z_mean, z_log_var = self.z_mean(hidden), self.z_log_var(hidden)
        z = z_mean + torch.exp(0.5 * z_log_var) * noise
        condition = hidden = torch.cat([z, label], dim=1)
        for layer, gain in zip(self.decoder, self.gains, strict=True):
            hidden = nn.functional.gelu(layer(hidden)) * gain(condition)
        squared_error = (target - self.output(hidden)).square().sum(dim=1)
        size = target.shape[1]
        variance = squared_error.detach().mean() / size
        reconstruction = squared_error / (2 * variance) + 0.5 * size * torch.log(2 * math.pi * variance)
        kl = 0.5 * (z_log_var.exp() + z_mean.square() - 1 - z_log_var).sum(dim=1)
        return (reconstruction + kl_weight * kl).mean()


class Loop:
    """The training loop: shuffled batches from tensors in memory, Adam, the schedule of the recipe.

    Args:
      model: whose weights and schedules are used.
      data: `"spectrum"` and `"concentrations"`, float32 arrays of all examples.
      batch_size: examples per step.
      fused: whether Adam updates all weights in one kernel.
      compiled: whether `torch.compile` compiles the network.
    """

    def __init__(self, model: CVAE, data, batch_size: int, fused: bool = False, compiled: bool = False):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = Cvae(model).to(self.device)
        self.loss = torch.compile(self.network) if compiled else self.network
        self.data = [torch.tensor(data[name]).to(self.device) for name in ("spectrum", "concentrations")]
        self.batch_size, self.latent_dim = batch_size, model.latent_dim
        rate, self.kl_weight = model.optimizer._learning_rate, model.kl_weight
        # A learning rate of 1, since LambdaLR multiplies it by the schedule.
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1.0, eps=1e-7, fused=fused)
        schedule = _cosine_with_warmup(rate.get_config())
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, schedule)
        self.step, self.order = 0, iter(())

    def run(self, steps: int) -> None:
        """Runs a number of steps."""
        for _ in range(steps):
            rows = next(self.order, None)
            if rows is None:
                self.order = iter(torch.randperm(len(self.data[0]), device=self.device).split(self.batch_size))
                rows = next(self.order)
            spectrum, concentrations = (values[rows] for values in self.data)
            noise = torch.randn(len(rows), self.latent_dim, device=self.device)
            self.optimizer.zero_grad()
            loss = self.loss(spectrum, concentrations, noise, _linear_schedule(self.kl_weight, self.step))
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            self.step += 1
        loss.item()  # waits for a GPU


def _linear(network: keras.Model, name: str) -> nn.Linear:
    kernel, bias = network.get_layer(name).get_weights()
    layer = nn.Linear(*kernel.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel.T))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def _cosine_with_warmup(config: dict):
    def rate(step: int) -> float:
        if step < config["warmup_steps"]:
            return config["warmup_target"] * step / config["warmup_steps"]
        done = min((step - config["warmup_steps"]) / config["decay_steps"], 1.0)
        return 0.5 * config["warmup_target"] * (1 + math.cos(math.pi * done))

    return rate


def _linear_schedule(schedule, step: int) -> float:
    config = schedule.get_config()
    done = min(step / config["decay_steps"], 1.0)
    return config["initial_learning_rate"] + done * (config["end_learning_rate"] - config["initial_learning_rate"])
