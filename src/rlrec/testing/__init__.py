"""For tests: small worlds, and what every policy, algorithm and environment must hold to.

For our own tests and for those of whoever plugs in something of their own. pytest collects a subclass:

    from rlrec.testing import PolicyTests


    class TestMine(PolicyTests):
        def make(self, known):
            return Mine(known)
"""

from rlrec.testing.agents import AgentTests
from rlrec.testing.environments import EnvironmentTests
from rlrec.testing.policies import PolicyTests
from rlrec.testing.worlds import informed, known, small_world, tables_of, three_movies

__all__ = [
    "AgentTests",
    "EnvironmentTests",
    "PolicyTests",
    "informed",
    "known",
    "small_world",
    "tables_of",
    "three_movies",
]
