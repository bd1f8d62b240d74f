"""Prefect flows: one a stage of `dvc.yaml`, and `pipeline`, which chains them."""
