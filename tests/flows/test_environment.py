"""What importing `flows` sets for the libraries that are imported after it."""

import subprocess
import sys

import pytest
from projects import ROOT

ASK = """
import flows, os
from urllib.request import getproxies, proxy_bypass
from requests.utils import should_bypass_proxies
hosts = ("127.0.0.1", "localhost", "example.org", "inside.example.org")
print([bool(proxy_bypass(host)) for host in hosts])
print([should_bypass_proxies(f"http://{host}:4200/api", None) for host in hosts])
print(getproxies()["http"], os.environ.get("PREFECT_PROFILE"))
"""


@pytest.mark.holds("proxy")
@pytest.mark.parametrize(
    ("said", "direct"),
    [
        ({}, [True, True, False, False]),
        ({"NO_PROXY": "inside.example.org"}, [True, True, False, True]),
        ({"no_proxy": "inside.example.org", "NO_PROXY": "elsewhere"}, [True, True, False, True]),
        ({"NO_PROXY": "*"}, [True] * 4),
    ],
)
def test_loopback_never_goes_through_a_proxy_and_the_rest_does_as_before(said, direct):
    """And a profile is none of this project's."""
    proxies = {
        "http_proxy": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "PATH": "",
        "PREFECT_PROFILE": "company",
    }
    told = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=proxies | said, capture_output=True, text=True)
    assert told.stdout.splitlines() == [str(direct), str(direct), "http://127.0.0.1:9 None"], told.stderr
