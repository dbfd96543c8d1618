r"""What the posterior of x says about the support, and prior variances given the support (the precision layer).

The prior of one coefficient is N(0, 1 / rho) with rho ~ Gamma(1, s1) where it is active and Gamma(1, s0) where it is
not, s0 << s1. h is 1/2 for real data and 1 for complex.

- extrinsic: rho is at its mode, so that x is a mixture of N(0, s1) and N(0, s0). The evidence is that of the cavity,
  the posterior of x_i without its own prior, so that nothing is counted twice. In the posterior of x the mixture is
  replaced by the Gaussian N(c_i, D_i) that gives x_i, together with the cavity, the same mean and variance as the
  mixture does (expectation propagation). Fixed points maximise nothing: there is no objective.
- joint: q(x) q(s, rho). The evidence is the ratio of two Student-t densities at E|x_i|^2.
- mean_field: q(x) q(s) q(rho), as published.

The last two raise a lower bound of the evidence with every step (as long as s0 and the parameters of the support prior
stay): the bound without constants is

    h total log kappa - h kappa (|y - A mu|^2 + tr) + h log det Sigma + log Z + sum_i l0_i    (joint)

with l0 the log-evidence of "not active" and Z the normaliser of the support prior under the evidence.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

STEP = 0.7  # share of a change of sites that is made, until they are calm
WIDEST = 1e3  # of the active variance: the largest variance of a site
EVIDENCES = ("extrinsic", "joint", "mean_field")


class Extrinsic:
    """Evidence of the cavity."""

    start = None  # prior variances start at density * s1
    noise_start = 10.0  # ratio of the mean of |y|^2 and the noise variance that learning starts from
    ratio = 1e-6
    learn_from, scale_from = 3, 5  # iterations: of the support prior, of the active variance
    annealed, bounded = False, False

    def step(self, targets, h, infer, ratio):
        """Update probabilities, prior variances and means of all targets; return messages."""
        llr = np.zeros_like(targets[0].D)
        for target in targets:
            llr += cavity_llr(target.moments, target.s1, ratio * target.s1, h)
        messages = infer(llr)
        for target in targets:
            last = target.D, target.center
            mixture_update(target, messages.prob, ratio * target.s1)
            site_update(target, last)
        return messages

    def learn_scale(self, target):
        """Move the active variance to that of the coefficients, weighted by their probability."""
        weight = target.prob.sum()
        if weight > 1e-6:
            target.s1 = max(float(target.prob @ target.active_moment) / weight, 1e-12 * target.s1)

    def bound(self, targets, h, messages, ratio):
        """Return nan: there is no objective."""
        return np.nan


def cavity_llr(moments, s1, s0, h):
    """Return the log-odds of N(0, s1) against N(0, s0) from the cavity."""
    v = 1.0 / np.maximum(moments.cavity_precision, 1e-6 / s1)
    wide, narrow = v + s1, v + s0
    return h * (np.log(narrow / wide) + np.abs(moments.cavity_mean) ** 2 * (s1 - s0) / (wide * narrow))


def mixture_update(target, prob, s0):
    """Set mean, variance and prior variance of a target to those of cavity and mixture together."""
    s1 = target.s1
    v = 1.0 / np.maximum(target.moments.cavity_precision, 1e-6 / s1)
    m = target.moments.cavity_mean
    shrink1, shrink0 = s1 / (v + s1), s0 / (v + s0)
    size = np.abs(m) ** 2
    target.prob = prob
    target.mean = (prob * shrink1 + (1.0 - prob) * shrink0) * m
    between = prob * (1.0 - prob) * size * (shrink1 - shrink0) ** 2
    target.variance = prob * v * shrink1 + (1.0 - prob) * v * shrink0 + between
    target.active_moment = v * shrink1 + size * shrink1**2
    target.D = target.variance + np.abs(target.mean) ** 2


def site_update(target, last):
    """Set the Gaussian that stands for the mixture: with the cavity it has mean and variance of the target.

    It may not exist (the mixture can be wider than the cavity); then a very wide one takes its place. Its precision,
    and its mean times that, move most of the way from their `last` values; all of it when the fit is calm.
    """
    t = np.maximum(target.moments.cavity_precision, 1e-6 / target.s1)
    precision = np.maximum(1.0 / target.variance - t, 1.0 / (WIDEST * target.s1))
    pull = target.mean * (precision + t) - target.moments.cavity_mean * t
    D, center = last
    old = 1.0 / D
    step = 1.0 if target.calm else STEP
    precision = step * precision + (1.0 - step) * old
    pull = step * pull + (1.0 - step) * old * (0.0 if center is None else center)
    target.D, target.center = 1.0 / precision, pull / precision


class Bounded:
    """What joint and mean-field evidence share."""

    start = 1.0 / 30.0  # prior variances start at this times s1
    noise_start = 100.0
    learn_from, scale_from = 10, 10
    bounded = True

    def learn_scale(self, target):
        """Move the scale of active precisions to its best value."""
        weight = target.prob.sum()
        if weight > 1e-6:
            target.s1 = weight / float(target.prob @ target.rate)

    def _finish(self, target, prob, second):
        target.prob, target.D = prob, second
        target.mean, target.variance = target.moments.mean, target.moments.variance

    def _gaussian(self, target, h):
        """Return the part of the bound that does not depend on the support."""
        moments = target.moments
        return h * (
            target.total * np.log(target.kappa) - target.kappa * (moments.residual2 + moments.trace) + moments.log_det
        )


class Joint(Bounded):
    """q(s, rho) is not factorised; the inactive variance starts near the active one and falls."""

    ratio = 1e-4
    annealed = True

    def step(self, targets, h, infer, ratio):
        """Update probabilities, prior variances and means of all targets; return messages."""
        llr = np.zeros_like(targets[0].D)
        for target in targets:
            e2 = _second(target)
            s0 = ratio * target.s1_start
            target.e2 = e2
            llr += _student(e2, target.s1, h) - _student(e2, s0, h)
        messages = infer(llr)
        prob = messages.prob
        for target in targets:
            s0 = ratio * target.s1_start
            target.rate = (1.0 + h) / (target.s1 + h * target.e2)
            rho = prob * target.rate + (1.0 - prob) * (1.0 + h) / (s0 + h * target.e2)
            self._finish(target, prob, 1.0 / rho)
        return messages

    def bound(self, targets, h, messages, ratio):
        """Return the lower bound of the evidence, without constants."""
        value = messages.log_z
        for target in targets:
            s0 = ratio * target.s1_start
            value += self._gaussian(target, h) + np.sum(_student(target.e2, s0, h))
        return float(value)


def _second(target):
    return np.abs(target.moments.mean) ** 2 + target.moments.variance


def _student(e2, scale, h):
    """Return log E exp(h (log rho - rho e2)) for rho ~ Gamma(1, scale)."""
    return gammaln(1.0 + h) + np.log(scale) - (1.0 + h) * np.log(scale + h * e2)


class MeanField(Bounded):
    """The published updates: q(s) and q(rho) factorise. They tend to leave everything active."""

    ratio = 1e-3
    annealed = False
    rounds = 2

    def step(self, targets, h, infer, ratio):
        """Update probabilities, prior variances and means of all targets; return messages."""
        for target in targets:
            target.e2 = _second(target)
        for _ in range(self.rounds):
            llr = np.zeros_like(targets[0].D)
            for target in targets:
                s0 = ratio * target.s1_start
                # shape is 1 + h whatever the support, since both shapes are 1
                target.scale = target.prob * target.s1 + (1.0 - target.prob) * s0 + h * target.e2
                target.rate = (1.0 + h) / target.scale
                llr += np.log(target.s1 / s0) - (target.s1 - s0) * target.rate
            messages = infer(llr)
            for target in targets:
                target.prob = messages.prob
        for target in targets:
            self._finish(target, messages.prob, 1.0 / target.rate)
        return messages

    def bound(self, targets, h, messages, ratio):
        """Return the lower bound of the evidence, without constants."""
        value = messages.log_z
        for target in targets:
            s0 = ratio * target.s1_start
            log_rate = digamma(1.0 + h) - np.log(target.scale)
            entropy = 1.0 + h - np.log(target.scale) + gammaln(1.0 + h) - h * digamma(1.0 + h)
            inactive = np.log(s0) - s0 * target.rate
            value += self._gaussian(target, h) + np.sum(h * (log_rate - target.rate * target.e2) + entropy + inactive)
        return float(value)


def make_evidence(name):
    """Return the evidence by name."""
    return {"extrinsic": Extrinsic, "joint": Joint, "mean_field": MeanField}[name]()
