"""Spell: launch runs on machines you own, wait for them, mount the outputs of one into the next.

Start with :func:`spell.client.from_environment`.
"""

__version__ = "0.1.0"
