"""Fits a line to points by gradient descent, and sends its loss after every step. Goes on until it is stopped."""

import os
import time

from spell.metrics import send_metric

POINTS = [(x / 10, 3 * x / 10 + 1) for x in range(-20, 21)]
RATE = 0.02
PAUSE_S = 0.05

slope, offset = 0.0, 0.0
step = 0
while True:
    errors = [(slope * x + offset - y, x) for x, y in POINTS]
    loss = sum(error * error for error, _ in errors) / len(errors)
    send_metric("loss", loss, index=step)
    # It may be stopped at any moment: the file is whole at each of them.
    with open("line.new", "w") as file:
        print(slope, offset, file=file)
    os.replace("line.new", "line.txt")
    slope -= RATE * sum(2 * error * x for error, x in errors) / len(errors)
    offset -= RATE * sum(2 * error for error, _ in errors) / len(errors)
    step += 1
    time.sleep(PAUSE_S)
