"""A client of this installation's own API, for demonstrations."""

from types import TracebackType
from typing import Any, Self

import httpx2

from ..errors import StartupError

_TIMEOUT_SECONDS = 30.0


class OwnApi:
    """Calls the API as one user; paths are those below ``/api/v1``, and results are the `data` of the responses.

    Raises StartupError with the API's own message for a response that is an error, and where the API does not answer.
    """

    def __init__(self, address: str, access_token: str) -> None:
        headers = {"Authorization": f"Bearer {access_token}"}
        # Proxies are for other hosts than this one.
        self._http = httpx2.Client(base_url=f"{address}/api/v1", headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> Any:
        """Read what is at the path."""
        return self._call("GET", path, params=query).json()["data"]

    def text(self, path: str, **query: str | int) -> str:
        """Read what is at the path in a format that is plain text."""
        return self._call("GET", path, params=query).text

    def post(self, path: str, body: Any) -> Any:
        """Send a JSON value to the path."""
        return self._call("POST", path, json=body).json()["data"]

    def _call(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        try:
            response = self._http.request(method, path, **sent)
        except httpx2.HTTPError as error:
            raise StartupError(f"{method} {path} got no answer from the API ({error})", exit_code=69) from error
        if response.is_error:
            raise StartupError(f"the API refused {method} {path}: {response.json()['message']}", exit_code=69)
        return response
