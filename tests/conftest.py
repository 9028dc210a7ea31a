from collections.abc import Iterator

import pytest

from tests.servers.d1 import D1Server, miniflare


@pytest.fixture(scope="session")
def d1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[D1Server]:
    """Cloudflare's D1 and R2, one for all tests of this process."""
    with miniflare(tmp_path_factory.mktemp("cloudflare")) as server:
        yield server
