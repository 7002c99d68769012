"""One layer of gated recurrent units (GRU) over a window of time steps, forwards and backwards, in numpy.

With h the state, x the layer's input for one step, and * elementwise:

    r, z = sigmoid(x_r + h U_r), sigmoid(x_z + h U_z)       how much of h the proposal sees, how much of h is kept
    n    = tanh(x_n + r * (h U_n + c))                      the proposed new state
    h'   = n + z * (h - n)

Applying r after the product with U lets each step do with a single matrix product. All arrays are time-major:
(time, batch, units), the three gates side by side in the order r, z, n.
"""

from __future__ import annotations

from numerics import np


class GruWindow:
    """The buffers of one window shape: what the forward pass leaves for the backward pass, and both passes' results.

    They are kept and overwritten from window to window: asking the system for fresh memory each time costs
    as much as a quarter of the arithmetic.
    """

    def __init__(self, length: int, batch: int, units: int, dtype: np.dtype) -> None:
        self.units = units
        # Entry 0 is the state the window starts from.
        self.states = np.empty((length + 1, batch, units), dtype)
        self.inputs = np.empty((length, batch, 3 * units), dtype)
        self.d_states = np.empty((length, batch, units), dtype)
        self.d_inputs = np.empty((length, batch, 3 * units), dtype)
        # The gradient at the products h U + c.
        self.d_products = np.empty((length, batch, 3 * units), dtype)
        self._gates = np.empty((length, batch, 2 * units), dtype)
        self._proposals = np.empty((length, batch, units), dtype)
        self._recalled = np.empty((length, batch, units), dtype)
        self._product = np.empty((batch, 3 * units), dtype)

    def forward(self, recurrent: np.ndarray, recurrent_bias: np.ndarray) -> None:
        """From `inputs` and states[0] to the other `states`."""
        units, product = self.units, self._product
        for t, x in enumerate(self.inputs):
            before, after = self.states[t], self.states[t + 1]
            gates, recalled, n = self._gates[t], self._recalled[t], self._proposals[t]
            np.matmul(before, recurrent, out=product)
            np.add(x[:, : 2 * units], product[:, : 2 * units], out=gates)
            sigmoid_in_place(gates)
            np.add(product[:, 2 * units :], recurrent_bias, out=recalled)
            np.multiply(gates[:, :units], recalled, out=n)
            n += x[:, 2 * units :]
            np.tanh(n, out=n)
            np.subtract(before, n, out=after)
            after *= gates[:, units:]
            after += n

    def backward(self, recurrent: np.ndarray) -> None:
        """From `d_states` (the loss's own gradient at each state; overwritten) to `d_inputs` and `d_products`."""
        units = self.units
        d_carried = np.zeros_like(self.d_states[0])
        for t in range(len(self.inputs) - 1, -1, -1):
            before, gates, n = self.states[t], self._gates[t], self._proposals[t]
            r, z = gates[:, :units], gates[:, units:]
            d_after, d_input, d_product = self.d_states[t], self.d_inputs[t], self.d_products[t]
            d_after += d_carried
            d_kept = d_after * z
            d_n = d_input[:, 2 * units :]
            np.subtract(d_after, d_kept, out=d_n)
            d_n *= 1 - n * n
            d_gates = d_product[:, : 2 * units]
            np.multiply(d_n, self._recalled[t], out=d_gates[:, :units])
            np.multiply(d_after, before - n, out=d_gates[:, units:])
            d_gates *= gates - gates * gates
            d_input[:, : 2 * units] = d_gates
            np.multiply(d_n, r, out=d_product[:, 2 * units :])
            np.matmul(d_product, recurrent.T, out=d_carried)
            d_carried += d_kept


def sigmoid_in_place(values: np.ndarray) -> None:
    # Through tanh it can neither overflow nor divide by zero, whatever the value.
    values *= 0.5
    np.tanh(values, out=values)
    values += 1
    values *= 0.5
