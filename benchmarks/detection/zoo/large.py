"""Layers in physical units: metres between planets, joules of molecules, amperes of a diode."""

import numpy as np


def gravity_forward(positions, mass):
    """The potential energy, in joules, of bodies that attract each other.

    - positions: metres, of shape (N, 3)
    - mass: kilograms, of shape (N,)
    """
    G = 6.6743e-11
    apart = positions[:, None] - positions[None, :]
    distance = np.sqrt((apart**2).sum(axis=-1) + np.eye(len(mass)))
    pairs = mass[:, None] * mass[None, :] * (1 - np.eye(len(mass))) / distance
    return -0.5 * G * pairs.sum(), (G, apart, distance, pairs, mass)


def gravity_backward(dout, cache):
    G, apart, distance, pairs, mass = cache
    dpositions = dout * G * (pairs / distance**2)[..., None] * apart
    return dpositions.sum(axis=1), -dout * G * pairs.sum(axis=1) / mass


def gravity_inputs(rng):
    return {
        "positions": 1e11 * rng.normal(size=(4, 3)).round(2),
        "mass": 1e24 * rng.uniform(0.5, 9, size=4).round(2),
    }


def diode_forward(voltage, saturation):
    """Shockley's law: amperes through a row of diodes.

    - voltage: volts, of shape (N, D)
    - saturation: amperes, of shape (D,)
    """
    thermal = 0.02585
    exp = np.exp(voltage / thermal)
    return saturation * (exp - 1), (exp, saturation, thermal)


def diode_backward(dout, cache):
    exp, saturation, thermal = cache
    return dout * saturation * exp / thermal, (dout * (exp - 1)).sum(axis=0)


def diode_inputs(rng):
    return {"voltage": rng.uniform(0.2, 0.6, size=(3, 4)).round(3), "saturation": 1e-12 * rng.uniform(1, 9, 4).round(1)}


class Calendar:
    """Seconds since 1970, an offset and a drift a clock: sums of large and small numbers."""

    def __init__(self, drift, offset):
        """
        - drift: seconds a second, of shape (C,)
        - offset: seconds, of shape (C,)
        """
        self.drift, self.offset = drift, offset

    def forward(self, ticks):
        """
        - ticks: of shape (N, C)
        """
        self.ticks = ticks
        return 1.7e9 + self.offset + ticks * (1 + self.drift)

    def backward(self, dout):
        self.ddrift = (dout * self.ticks).sum(axis=0)
        self.doffset = dout.sum(axis=0)
        return dout * (1 + self.drift)


def Calendar_inputs(rng):
    return {
        "drift": 1e-3 * rng.normal(size=3).round(2),
        "offset": rng.normal(size=3).round(2),
        "ticks": rng.uniform(0, 9, size=(4, 3)).round(2),
    }


def lennard_jones_forward(distance, depth):
    """The energy, in joules, of pairs of atoms at nanometres, a kind of pair a column.

    - distance: metres, of shape (N, K)
    - depth: joules, of shape (K,)
    """
    ratio = (3.4e-10 / distance) ** 6
    return 4 * depth * (ratio**2 - ratio), (distance, depth, ratio)


def lennard_jones_backward(dout, cache):
    distance, depth, ratio = cache
    ddistance = dout * 4 * depth * (6 * ratio - 12 * ratio**2) / distance
    return ddistance, (dout * 4 * (ratio**2 - ratio)).sum(axis=0)


def lennard_jones_inputs(rng):
    return {
        "distance": 1e-10 * rng.uniform(3.2, 6, size=(4, 3)).round(2),
        "depth": 1e-21 * rng.uniform(0.5, 3, size=3).round(2),
    }
