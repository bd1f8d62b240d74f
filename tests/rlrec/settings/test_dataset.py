import pytest
from pydantic import ValidationError

from rlrec.settings.dataset import DataConfig


@pytest.mark.parametrize("url", ["http://a.b/c.zip", "HTTP://a.b/c.zip", "HTTPS://a.b/c.zip#md5=0"])
def test_a_url_may_be_written_in_capitals(url: str) -> None:
    assert DataConfig(source=url, tag_genome=url).source == url


@pytest.mark.parametrize("name", ["source", "tag_genome"])
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("file:///home/me/ml%201m.zip", ", /home/me/ml 1m.zip"),
        ("FILE://localhost/home/me/ml-1m.zip#md5=00", ", /home/me/ml-1m.zip"),
        ("file://elsewhere/ml-1m.zip", ""),
        ("ftp://example.org/ml-1m.zip", ""),
        ("s3://bucket/ml-1m.zip", ""),
        ("/home/me/ml-1m.zip", ""),
    ],
)
def test_what_is_not_fetched_is_told_with_where_to_name_it(name: str, given: str, path: str) -> None:
    with pytest.raises(ValidationError) as error:
        DataConfig.model_validate({name: given})
    message = str(error.value)
    assert f"data.{name} ({given}) must be auto, local" in message
    assert "or a URL that begins with http:// or https://" in message
    assert f"set data.{name}: local and data.local to its path{path} [" in message


def test_a_url_in_place_of_a_path_is_told_with_the_path() -> None:
    with pytest.raises(ValidationError, match=r"data\.local \(file:///my/ml-1m\) must be a path: /my/ml-1m "):
        DataConfig(local="file:///my/ml-1m")
