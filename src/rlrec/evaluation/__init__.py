"""How policies are judged: metrics, play in the simulator, and statistics.

`policy` is the interface every recommender has, `online` plays it, `metrics` scores what was shown, `statistics` puts
intervals around the scores, and `evaluate`, `compare` and `examples` make of it what the reports hold.
"""
