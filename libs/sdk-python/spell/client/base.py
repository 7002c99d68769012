"""Where the former package kept its client; scripts import it from here too."""

from spell.client import SpellClient, from_environment

__all__ = ["SpellClient", "from_environment"]
