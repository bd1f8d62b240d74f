"""Small made-up worlds, from where everybody has them."""

from rlrec.testing.worlds import informed, known, small_world, tables_of

__all__ = ["informed", "known", "small_world", "tables_of"]
