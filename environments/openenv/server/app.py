"""The server: `uvicorn server.app:app --port 8000`."""

from openenv.core.env_server.http_server import create_app
from proactivebench.harnesses.openenv_environment import (
    ProactiveBenchAction,
    ProactiveBenchEnvironment,
    ProactiveBenchObservation,
)

app = create_app(
    ProactiveBenchEnvironment,
    ProactiveBenchAction,
    ProactiveBenchObservation,
    env_name="proactivebench_env",
    max_concurrent_envs=64,
)


def main() -> None:
    """Serves on port 8000."""
    import uvicorn

    uvicorn.run(app, host="0.0.0.0", port=8000)  # noqa: S104  # a container's own address


if __name__ == "__main__":
    main()
