#!/usr/bin/env bash
# gymnasium 1.4.0: a vector environment's reset takes "reset_mask" out of the options that it was given.
#
# `SyncVectorEnv.reset(options=...)` pops the mask from the caller's own dictionary. Whoever keeps that dictionary for the
# next reset, with the same mask or one that is written into in place, resets some environments the first time and all
# of them the second, without a warning, and so cuts short the episodes of those that were to go on.
#
# Surprising, since `reset` of a single environment leaves its options alone, and `AutoresetMode.DISABLED` asks for such a
# call after every episode.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check gymnasium==1.4.0 numpy==2.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import gymnasium
import numpy as np

envs = gymnasium.make_vec(
    "CartPole-v1", 2, vectorization_mode="sync", vector_kwargs={"autoreset_mode": gymnasium.vector.AutoresetMode.DISABLED}
)
envs.reset(seed=0)
options = {"reset_mask": np.array([True, False])}  # the first only
for number in ("first", "second"):
    before = envs.step(np.array([0, 0]))[0]
    after = envs.reset(options=options)[0]
    kept = bool((before[1] == after[1]).all())
    print(f"{number} reset: the other environment {'goes on' if kept else 'was reset too'}; options are {options}")
    assert kept == (number == "first")
PYTHON
