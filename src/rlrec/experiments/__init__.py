"""Many runs side by side: several scenarios, several learners, several training seeds.

`grid` says which, `runs` keeps those that are finished, `fill` makes those that are missing, and `table` compares them.
"""
