"""A forecaster of series by definition: windows, levels and scales, network, forecasts and loss.

T rows, C channels, K covariates, P rows of a window (1 without lags), h horizon, Q outputs per value, N = h C Q.
"""

import torch
import torch.nn.functional as F

import trunk

SETTINGS = {"lags": 0, "normalisation": "global", "covariates": 0, "quantiles": []}
SMALLEST_SCALE = 1e-2


class Frame:
    """Inputs and outputs of a network in terms of the values of a series."""

    def __init__(self, model):
        self.settings = SETTINGS | model["forecaster"]
        self.mean = torch.tensor(model["normalisation"]["mean"], dtype=torch.float64)
        self.deviation = torch.tensor(model["normalisation"]["deviation"], dtype=torch.float64)
        self.units = {name: torch.tensor(unit, dtype=torch.float64) for name, unit in model["units"].items()}
        self.channels = len(model["channels"])
        self.horizon, self.window = self.settings["horizon"], max(self.settings["lags"], 1)
        self.copies = max(len(self.settings["quantiles"]), 1)

    @property
    def is_relative(self):
        return self.settings["normalisation"] in ("last", "window")

    @property
    def widths(self):
        """Inputs and outputs of a row."""
        levels = self.channels if self.is_relative else 0
        covariates = (self.window + self.horizon) * self.settings["covariates"]
        return self.window * self.channels + levels + covariates, self.horizon * self.channels * self.copies

    def normalised(self, values, first):
        """Values [T, n] of the channels or covariates from `first` on."""
        last = first + values.shape[1]
        return (values.double() - self.mean[first:last]) / self.deviation[first:last]

    def level_and_scale(self, series, row):
        """[C] each, of the window that ends with a row of a normalised series [T, C]."""
        kind, ones = self.settings["normalisation"], torch.ones(self.channels, dtype=torch.float64)
        if kind == "none":
            mean, deviation = self.mean[: self.channels], self.deviation[: self.channels]
            return -mean / deviation, 1 / deviation
        if kind == "global":
            return 0 * ones, ones
        if kind == "last":
            return series[row], ones
        seen = series[max(0, row + 1 - self.window) : row + 1]
        return seen.mean(dim=0), seen.std(dim=0, correction=0).clamp(min=SMALLEST_SCALE)

    def inputs(self, series, covariates, row):
        """The last P rows, the levels, the covariates of these and of the next h rows."""
        level, scale = self.level_and_scale(series, row)
        rows = torch.arange(row + 1 - self.window, row + 1)
        parts = [(series[rows.clamp(min=0)] - level) / (scale * self.units["inputs"])]
        if self.is_relative:
            parts.append(level)
        if covariates is not None:
            known = torch.arange(row + 1 - self.window, row + 1 + self.horizon)
            parts.append(covariates[known.clamp(0, len(covariates) - 1)])
        return torch.cat([part.flatten() for part in parts])

    def forecasts(self, outputs, series, row):
        """Outputs [N] of a row in the channels' own units."""
        level, scale = self.level_and_scale(series, row)
        values = outputs.double().reshape(self.horizon, self.channels, self.copies)
        normalised = level[:, None] + (scale * self.units["outputs"])[:, None] * values
        own = self.mean[: self.channels, None] + self.deviation[: self.channels, None] * normalised
        return own.flatten()

    def errors(self, outputs, series, row):
        """Errors of the outputs [N] of a row that have a target: squares, or absolute values weighted by quantile."""
        level, scale = self.level_and_scale(series, row)
        targets = (series[row + 1 : row + 1 + self.horizon] - level) / (scale * self.units["outputs"])
        values = outputs.reshape(self.horizon, self.channels, self.copies)[: len(targets)]
        difference = values - targets[..., None].to(outputs.dtype)
        if not self.settings["quantiles"]:
            return difference.square().flatten()
        quantiles = torch.tensor(self.settings["quantiles"], dtype=outputs.dtype)
        return (2 * torch.where(difference > 0, 1 - quantiles, quantiles) * difference.abs()).flatten()


def results(model, weights, series, covariates=None, dtype=torch.float64):
    """Of series [B, T, C] and covariates [B, at least T, K]: forecasts [B, T - 1, N], loss [1] and gradients."""
    frame, config = Frame(model), model["config"]
    weights = {name: w.to(dtype, copy=True).requires_grad_() for name, w in weights.items()}

    def affine(name, x):
        return F.linear(x, weights[name + ".weight"], weights[name + ".bias"])

    rows = range(series.shape[1] - 1)
    normalised = [frame.normalised(values, 0) for values in series]
    known = [None] * len(series) if covariates is None else [frame.normalised(k, frame.channels) for k in covariates]
    inputs = torch.stack([
        torch.stack([frame.inputs(values, others, row) for row in rows]) for values, others in zip(normalised, known)
    ]).to(dtype)
    vectors, _ = trunk.output(config, weights, affine("projection", inputs))
    outputs = affine("head", vectors)
    if frame.settings["lags"] > 0:
        outputs = outputs + affine("lags", inputs)
    pairs = list(zip(outputs, normalised))
    forecasts = [torch.stack([frame.forecasts(o[row], s, row) for row in rows]) for o, s in pairs]
    loss = torch.stack([torch.cat([frame.errors(o[row], s, row) for row in rows]).mean() for o, s in pairs]).mean()
    gradients = torch.autograd.grad(loss, weights.values(), allow_unused=True, materialize_grads=True)
    named = {"grad." + name: g for name, g in zip(weights, gradients)}
    return {"forecasts": torch.stack(forecasts).detach(), "loss": loss.detach()[None]} | named


def draw(model, drawing):
    (inputs, outputs), width = Frame(model).widths, model["config"]["width"]
    drawing.affine("projection.", width, inputs, bias=width, fan_in=inputs)
    trunk.draw(model["config"], drawing)
    drawing.affine("head.", outputs, width, bias=outputs, fan_in=width)
    if (SETTINGS | model["forecaster"])["lags"] > 0:
        drawing.affine("lags.", outputs, inputs, bias=outputs, fan_in=inputs)


def random_series(model, batch, rows, generator):
    """Values that drift slowly around the means, and covariates of `horizon` rows more."""
    frame = Frame(model)

    def drawn(rows, first, count):
        if count == 0:
            return None
        noise = torch.randn(batch, rows, count, generator=generator)
        values = 0.5 * noise.cumsum(dim=1) + 0.5 * torch.randn(batch, rows, count, generator=generator)
        return (frame.mean[first : first + count] + frame.deviation[first : first + count] * values).float()

    series = {
        "series": drawn(rows, 0, frame.channels),
        "covariates": drawn(rows + frame.horizon, frame.channels, frame.settings["covariates"]),
    }
    return {name: values for name, values in series.items() if values is not None}


def described(config, settings, channels, covariates=()):
    """The metadata of a model file; means, deviations and units differ between the columns."""
    names = [*channels, *covariates]
    return {
        "config": {"vocab": len(channels)} | config,
        "channels": list(channels),
        "columns": {"covariates": list(covariates), "time": {"recognised": {}}, "missing": "refuse"},
        "horizon": settings["horizon"],
        "forecaster": settings | {"covariates": len(covariates)},
        "normalisation": {
            "mean": [1.5 - 2 * n for n in range(len(names))],
            "deviation": [0.75 + 0.5 * n for n in range(len(names))],
        },
        "units": {
            "inputs": [1 + 0.25 * n for n in range(len(channels))],
            "outputs": [0.5 + 0.5 * n for n in range(len(channels))],
        },
    }
