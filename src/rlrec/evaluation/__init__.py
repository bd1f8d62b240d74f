"""How policies are judged: metrics, play in the simulator, and statistics.

`evaluate` plays policies and puts intervals around the metrics, `compare` and `regret` set them beside one another,
`offline` does so on real ratings, `examples` tells a few sessions; `results` has the classes and columns of the files.
"""
