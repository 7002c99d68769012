"""A character-level language model: a table of inputs, one GRU layer, and a softmax over the next character."""

from __future__ import annotations

from typing import Dict, Tuple

from gru import GruWindow
from numerics import np


def parameter_shapes(vocabulary_size: int, hidden_size: int) -> Dict[str, Tuple[int, ...]]:
    """Every array of a model, by name; a saved model holds exactly these."""
    return {
        "input": (vocabulary_size, 3 * hidden_size),
        "input_bias": (3 * hidden_size,),
        "recurrent": (hidden_size, 3 * hidden_size),
        "recurrent_bias": (hidden_size,),
        "output": (hidden_size, vocabulary_size),
        "output_bias": (vocabulary_size,),
    }


class CharRnn:
    """The network. `parameters` are views of the one vector `weights`, so that an optimiser sees a single array."""

    def __init__(self, vocabulary_size: int, hidden_size: int, dtype: type = np.float32) -> None:
        self.vocabulary_size, self.hidden_size = vocabulary_size, hidden_size
        self.shapes = parameter_shapes(vocabulary_size, hidden_size)
        self.weights = np.zeros(sum(int(np.prod(shape)) for shape in self.shapes.values()), dtype=dtype)
        self.parameters = self.named_views(self.weights)
        self._buffers: Dict[Tuple[int, int], _Buffers] = {}

    def named_views(self, vector: np.ndarray) -> Dict[str, np.ndarray]:
        """The parts of a vector as long as `weights`, by parameter name; writing to a part writes to the vector."""
        views, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + int(np.prod(shape))
            views[name] = vector[start:end].reshape(shape)
            start = end
        return views

    def initialise(self, random: np.random.Generator) -> None:
        """Random starting weights; orthogonal recurrent ones, so that early gradients neither vanish nor explode."""
        hidden, parameters = self.hidden_size, self.parameters
        for gate in range(3):
            orthogonal, _ = np.linalg.qr(random.standard_normal((hidden, hidden)))
            parameters["recurrent"][:, gate * hidden : (gate + 1) * hidden] = orthogonal
        parameters["input"][...] = random.standard_normal(parameters["input"].shape) * 0.3
        parameters["output"][...] = random.standard_normal(parameters["output"].shape) * 0.5 / np.sqrt(hidden)
        # Units begin by keeping most of what they hold.
        parameters["input_bias"][hidden : 2 * hidden] = 1.0

    def initial_state(self, batch: int) -> np.ndarray:
        return np.zeros((batch, self.hidden_size), dtype=self.weights.dtype)

    def advance(self, characters: np.ndarray, state: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Reads one character per row of the batch: the logits of the character after it, and the new state."""
        states = self._run_gru(characters[np.newaxis], state).gru.states
        return states[1] @ self.parameters["output"] + self.parameters["output_bias"], states[1].copy()

    def loss_and_gradient(
        self, inputs: np.ndarray, targets: np.ndarray, state: np.ndarray
    ) -> Tuple[float, np.ndarray, np.ndarray]:
        """Mean cross entropy (nats per character) over (time, batch) windows, its gradient, and the last state.

        The gradient is one vector, laid out as `weights` and overwritten by the next call. `state` counts as a
        constant: back-propagation is truncated at the start of the window.
        """
        hidden, parameters = self.hidden_size, self.parameters
        buffers = self._run_gru(inputs, state)
        gru, logits, into = buffers.gru, buffers.logits, buffers.gradient_parts

        states = gru.states[1:].reshape(-1, hidden)
        np.matmul(states, parameters["output"], out=logits)
        logits += parameters["output_bias"]
        loss = softmax_cross_entropy(logits, targets.reshape(-1))
        d_logits = logits
        np.matmul(states.T, d_logits, out=into["output"])
        d_logits.sum(axis=0, out=into["output_bias"])
        np.matmul(d_logits, parameters["output"].T, out=gru.d_states.reshape(-1, hidden))

        gru.backward(parameters["recurrent"])
        d_products, d_inputs = gru.d_products.reshape(-1, 3 * hidden), gru.d_inputs.reshape(-1, 3 * hidden)
        np.matmul(gru.states[:-1].reshape(-1, hidden).T, d_products, out=into["recurrent"])
        d_products[:, 2 * hidden :].sum(axis=0, out=into["recurrent_bias"])
        d_inputs.sum(axis=0, out=into["input_bias"])
        # A sum per character as a product with a one-hot matrix: many times faster than np.add.at.
        buffers.one_hot.fill(0)
        buffers.one_hot[inputs.reshape(-1), np.arange(inputs.size)] = 1
        np.matmul(buffers.one_hot, d_inputs, out=into["input"])
        return loss, buffers.gradient, gru.states[-1].copy()

    def _run_gru(self, inputs: np.ndarray, state: np.ndarray) -> _Buffers:
        buffers = self._buffers.get(inputs.shape)
        if buffers is None:
            buffers = self._buffers[inputs.shape] = _Buffers(self, *inputs.shape)
        table = self.parameters["input"] + self.parameters["input_bias"]
        # mode="clip" only because it is the mode that writes straight into `out`; the numbers are within the table.
        np.take(table, inputs, axis=0, out=buffers.gru.inputs, mode="clip")
        buffers.gru.states[0] = state
        buffers.gru.forward(self.parameters["recurrent"], self.parameters["recurrent_bias"])
        return buffers


class _Buffers:
    def __init__(self, model: CharRnn, length: int, batch: int) -> None:
        dtype = model.weights.dtype
        self.gru = GruWindow(length, batch, model.hidden_size, dtype)
        self.logits = np.empty((length * batch, model.vocabulary_size), dtype)
        self.one_hot = np.empty((model.vocabulary_size, length * batch), dtype)
        self.gradient = np.empty_like(model.weights)
        self.gradient_parts = model.named_views(self.gradient)


def softmax_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Mean loss in nats. Overwrites `logits` with the gradient at the logits."""
    rows = np.arange(len(targets))
    # Relative to each row's greatest value exp() cannot overflow and every sum is at least 1.
    logits -= logits.max(axis=1, keepdims=True)
    chosen = logits[rows, targets]
    np.exp(logits, out=logits)
    totals = logits.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(totals[:, 0]) - chosen))
    logits /= totals
    logits[rows, targets] -= 1
    logits /= len(targets)
    return loss
