"""Trains a tiny classifier: two rings of points, one hidden layer, plain Python.

``train.py LEARNING_RATE UNITS`` sends the metric ``accuracy`` after each epoch, from 0 to 1, and prints the last one.
"""

import math
import random
import sys
from typing import List, Tuple

from spell.metrics import send_metric

EPOCHS = 12
Point = Tuple[float, float]


def rings(count: int, seed: int) -> List[Tuple[Point, int]]:
    """Points of an inner ring (0) and an outer one (1), in turn."""
    chance = random.Random(seed)
    points = []
    for number in range(count):
        kind = number % 2
        angle, radius = chance.uniform(0, 2 * math.pi), 0.5 + kind + chance.gauss(0, 0.12)
        points.append(((radius * math.cos(angle), radius * math.sin(angle)), kind))
    return points


class Network:
    """Two inputs, a layer of tanh, one output between 0 and 1."""

    def __init__(self, units: int, seed: int = 1) -> None:
        chance = random.Random(seed)
        self.inner = [[chance.gauss(0, 1) for _ in range(3)] for _ in range(units)]
        self.outer = [chance.gauss(0, 1) for _ in range(units + 1)]

    def forward(self, point: Point) -> Tuple[List[float], float]:
        """What the hidden units say, and the output."""
        x, y = point
        hidden = [math.tanh(a * x + b * y + c) for a, b, c in self.inner] + [1.0]
        total = sum(weight * value for weight, value in zip(self.outer, hidden))
        return hidden, 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))

    def learn(self, point: Point, kind: int, rate: float) -> None:
        """One step down the slope of the cross entropy."""
        hidden, output = self.forward(point)
        error = output - kind
        for number, unit in enumerate(self.inner):
            slope = error * self.outer[number] * (1 - hidden[number] ** 2)
            for place, value in enumerate((*point, 1.0)):
                unit[place] -= rate * slope * value
        self.outer = [weight - rate * error * value for weight, value in zip(self.outer, hidden)]


def train(rate: float, units: int) -> List[float]:
    """The share of unseen points that are told apart, after each epoch."""
    seen, unseen = rings(60, 1), rings(200, 2)
    network = Network(units)
    accuracies = []
    for _ in range(EPOCHS):
        for point, kind in seen:
            network.learn(point, kind, rate)
        right = sum((network.forward(point)[1] > 0.5) == (kind == 1) for point, kind in unseen)
        accuracies.append(right / len(unseen))
    return accuracies


if __name__ == "__main__":
    accuracies = train(float(sys.argv[1]), int(sys.argv[2]))
    for accuracy in accuracies:
        send_metric("accuracy", accuracy)
    print(f"accuracy {accuracies[-1]:.3f}")
