"""Runs the tasks of a plan on datatrove's executors: on this machine, as jobs of Slurm, or on a Ray cluster.

A task is a process of ours, so what it does and how it continues is the same everywhere. One that ends with exit code 0
leaves a marker, and launching the plan again runs those without. A task that fails does not stop the others; the steps
behind it wait for the next launch.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from commands.launch_plan import LaunchPlan, Task
from proactivebench.errors import ProactiveBenchError, ResumableError, UsageError, require_extra
from proactivebench.work.files import write_whole, writing

SERVER_PATIENCE = 3600
"""Seconds that a server may take to load its model."""


class TaskError(ProactiveBenchError):
    """A task that ended with an error."""


def run_task(data: object, rank: int, world_size: int, *, tasks: Sequence[Task], here: Path, output: Path) -> None:
    """Runs one of the tasks; the form is that of a step of datatrove.

    Args:
        data: What the step before gave; nothing.
        rank: Which task.
        world_size: Number of tasks.
        tasks: All of them.
        here: Working directory.
        output: Folder of files with what the tasks say.

    Raises:
        TaskError: It ended with an error.
    """
    output.mkdir(parents=True, exist_ok=True)
    log = output / f"{rank:05}.txt"
    with log.open("ab") as file, _serving(tasks[rank], here, output / f"{rank:05}-server.txt"):
        words = [sys.executable, "-m", "proactivebench", *tasks[rank].words]
        code = _wait(subprocess.Popen(words, cwd=here, stdin=subprocess.DEVNULL, stdout=file, stderr=file))  # noqa: S603
    if code:
        raise TaskError(f"{tasks[rank]} ended with exit code {code}; what it said is in {log}.")


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Waits for a process, which ends with this one, so that no task is left alone."""
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _serving(task: Task, here: Path, log: Path) -> Iterator[None]:
    """The server of a task, from the moment it answers to the task's end."""
    if task.server is None:
        yield
        return
    address = task.words[task.words.index("--base-url") + 1]
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603
            task.server, cwd=here, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        end = time.monotonic() + SERVER_PATIENCE
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > end:
                raise TaskError(f"The server of {task} does not answer; what it said is in {log}.")
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        _wait(process)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/models", timeout=10):  # noqa: S310 - our own address
            return True
    except (OSError, ValueError):
        return False


def executor(plan: LaunchPlan, step: str, tasks: Sequence[Task], folder: Path, depends: Any = None) -> Any:
    """What runs the tasks of a step.

    Args:
        plan: Says which executor.
        step: Name of the step.
        tasks: Its tasks.
        folder: Where logs and markers go.
        depends: The executor of the step before, which Slurm waits for itself.

    Raises:
        UsageError: datatrove is not installed, or its executor does not know an option.
    """
    with require_extra("launch", "cluster"):
        from datatrove.executor import LocalPipelineExecutor, RayPipelineExecutor, SlurmPipelineExecutor

    class Local(LocalPipelineExecutor):  # type: ignore[misc]  # it has no type information
        def _run_for_rank(self, *arguments: Any, **named: Any) -> Any:
            from datatrove.utils.stats import PipelineStats

            try:
                return super()._run_for_rank(*arguments, **named)
            except TaskError:  # is in the log; the others go on
                return PipelineStats()

    where = folder / step
    work = partial(run_task, tasks=tasks, here=Path.cwd(), output=where / "output")
    options: dict[str, Any] = {"pipeline": [work], "tasks": len(tasks), "logging_dir": str(where)}
    options["workers"] = plan.workers or -1
    kind = {"local": Local, "slurm": SlurmPipelineExecutor, "ray": RayPipelineExecutor}[plan.executor]
    if plan.executor == "slurm":
        activate = f"export PATH={Path(sys.executable).parent}:$PATH"
        options |= {"job_name": f"proactivebench-{step}", "env_command": activate, "depends": depends}
        options["qos"] = ""  # that of the cluster
    try:
        return kind(**options | dict(plan.options))
    except TypeError as error:
        raise UsageError(f"options: {str(error).rpartition('__init__() ')[2]}") from None


def script(plan: LaunchPlan, step: str, tasks: Sequence[Task], folder: Path) -> str:
    """The script that Slurm is given for the tasks of a step that have no marker."""
    made = executor(plan, step, tasks, folder)
    arguments = " ".join(f"--{name}={value}" for name, value in (made.srun_args or {}).items())
    run = f"srun {arguments} -l -n {made.nodes_per_task} launch_pickled_pipeline {folder / step / 'executor.pik'}"
    return str(made.get_launch_file_contents(made.get_sbatch_args(len(tasks)), run)).rstrip("\n")


def launch(plan: LaunchPlan) -> bool:
    """Runs the tasks that have no marker; Slurm gets all steps at once, and runs them in their order.

    Returns:
        Whether all is done; with Slurm it may only be submitted.

    Raises:
        UsageError: datatrove, or what it launches on, is missing.
        ResumableError: Tasks have failed.
    """
    folder = plan.folder.resolve()
    before: Any = None
    for step, tasks in plan.steps().items():
        _claim(folder / step, tasks)
        before = executor(plan, step, tasks, folder, before)
        _run(plan, before)
        left = before.get_incomplete_ranks(skip_completed=True)
        if left and plan.executor != "slurm":
            raise ResumableError(
                f"{len(left)} of {len(tasks)} tasks are not done, such as: {tasks[left[0]]}. What it said is in "
                f"{folder / step / 'output' / f'{left[0]:05}.txt'}."
            )
    return not before.get_incomplete_ranks(skip_completed=True)


def _claim(folder: Path, tasks: Sequence[Task]) -> None:
    """Notes what the markers in a folder stand for, or makes sure that it is this."""
    lines = [f"{task}\n" for task in tasks]
    noted = folder / "tasks.txt"
    if noted.is_file() and noted.read_text(encoding="utf-8").splitlines(keepends=True) != lines:
        raise UsageError(f"{folder} was launched with other tasks: {noted} lists them. Choose another folder.")
    with writing(folder):
        write_whole(noted, [line.encode() for line in lines])


def _run(plan: LaunchPlan, made: Any) -> None:
    if plan.executor == "ray":
        with require_extra("The executor ray", "ray"):
            import ray
        if not ray.is_initialized():
            ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), log_to_driver=False)
    try:
        made.run()
    except subprocess.CalledProcessError:
        raise UsageError("sbatch refuses the job, as it says above. Change the options of the plan.") from None
    except FileNotFoundError as error:
        if error.filename != "sbatch":
            raise
        raise UsageError("There is no sbatch here: launch on a machine of the Slurm cluster.") from None


def done_tasks(plan: LaunchPlan, step: str, tasks: Sequence[Task]) -> Mapping[Task, bool]:
    """Task -> whether it has its marker."""
    done = plan.folder / step / "completions"
    return {task: (done / f"{rank:05}").is_file() for rank, task in enumerate(tasks)}
