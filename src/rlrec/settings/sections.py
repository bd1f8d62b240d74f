"""What all sections of the settings share: their strictness, and the kinds of values that several of them have."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from rlrec.settings.explain import unit

DatasetName = Literal[
    "ml-100k",
    "ml-1m",
    "ml-10m",
    "ml-20m",
    "ml-25m",
    "ml-32m",
    "ml-latest-small",
    "ml-latest",
    "hetrec-2011",
    "table",
    "recbole",
]
"""Those of `rlrec.data.registry.DATASETS`."""
Observation = Literal["history", "thesis", "recent", "stars", "answers"]
Features = Literal["world", "training", "genres", "watched", "both"]
Reward = Literal["rating", "liked", "seen"]
"""What an answer is worth: its stars; something if they are above 3.5; something if it was rated at all."""
Split = Literal["user", "time"]
"""Where the future begins: for each test user after a share of his or her ratings, or at one moment for everybody."""
Width = Annotated[int, Field(ge=1, le=4096), unit("units")]
Fraction = Annotated[float, Field(ge=0, le=1)]
InnerShare = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**12)]
Positive = Annotated[float, Field(gt=0, le=1_000_000)]


class Section(BaseModel):
    """Frozen, and without names that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would take true, which is what YAML makes of `on`, for 1."""
        values = value if isinstance(value, list | tuple) else [value]
        wanted = cls.model_fields[str(info.field_name)].annotation
        if wanted is not bool and any(isinstance(one, bool) for one in values):
            raise PydanticCustomError("truth_value", "a truth value")
        return value
