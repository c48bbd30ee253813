"""moto's server, with a promise of DynamoDB that its threads break: a condition and its write are one step."""

from threading import Lock
from typing import Any

from moto import server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

one_at_a_time = Lock()
answer = DomainDispatcherApplication.__call__


def in_turn(app: DomainDispatcherApplication, environ: dict[str, Any], start_response: Any) -> Any:
    """Answer requests to DynamoDB one after the other, others, which may wait long for a message, as they come."""
    if not str(environ.get("HTTP_X_AMZ_TARGET", "")).startswith("DynamoDB_"):
        return answer(app, environ, start_response)
    with one_at_a_time:
        return answer(app, environ, start_response)


if __name__ == "__main__":
    DomainDispatcherApplication.__call__ = in_turn  # type: ignore[method-assign]
    server.main()
