"""What a pass of the index takes where freed memory is kept, and where it goes back to the system.

As the command line and a cluster's workers have it (`zfwidgets.allocation`), and as a notebook's
kernel has it. Each in processes of its own, in turns. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import time

from benchmarks import harness

MODULE = "benchmarks.engine.allocation"
BATCH, BATCHES, ROUNDS = 16, 12, 3


def child(name: str, keep: bool) -> dict[str, float]:
    """Milliseconds and page faults of a batch, and MB at most, in this process."""
    import torch
    import torchvision

    from benchmarks.engine.index import images
    from zfwidgets.allocation import keep_freed_memory
    from zfwidgets.engine.network.network import Network
    from zfwidgets.engine.ranking.index_pass import IndexPass
    from zfwidgets.engine.ranking.ranking_spec import RankingSpec
    from zfwidgets.index.plan import Plan

    if keep:
        keep_freed_memory()
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    plan = Plan.of(BATCH * (BATCHES + 1), BATCH)
    batches = [images(plan.batch(number)) for number in range(len(plan))]
    running = IndexPass(Network(model, batches[0][0]), plan, RankingSpec(measured=frozenset()))
    running.take(0, batches[0])  # the first allocates, either way
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for number in range(1, len(plan)):
        running.take(number, batches[number])
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "ms": 1e3 * took / BATCHES,
        "faults": (after.ru_minflt - before.ru_minflt) / BATCHES,
        "mb": after.ru_maxrss / 1024,
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", default=["alexnet", "resnet18", "squeezenet1_1"])
    parser.add_argument("--child", choices=("kept", "returned"), help=argparse.SUPPRESS)
    options = harness.options(parser)
    if options.child:
        print(json.dumps(child(options.nets[0], options.child == "kept")))
        return
    print(f"batches of {BATCH}, median of {ROUNDS} processes each")
    print(f"{'':14}{'returned, ms':>14}{'kept, ms':>10}{'ratio':>7}{'faults':>9}{'MB':>12}")
    found: dict[str, dict[str, float]] = {}
    for name in options.nets:
        rounds: dict[str, list[dict[str, float]]] = {"returned": [], "kept": []}
        for _ in range(ROUNDS):
            for way, took in rounds.items():
                command = harness.child(MODULE, name, "--child", way)
                out = subprocess.run(command, check=True, capture_output=True, text=True)
                took.append(json.loads(out.stdout.splitlines()[-1]))
        middle = {
            way: {key: statistics.median(one[key] for one in took) for key in took[0]}
            for way, took in rounds.items()
        }
        returned, kept = middle["returned"], middle["kept"]
        ratio = kept["ms"] / returned["ms"]
        found[name] = {"returned": returned["ms"], "kept": kept["ms"], "ratio": round(ratio, 3)}
        faults = f"{returned['faults']:.0f}, {kept['faults']:.0f}"
        memory = f"{returned['mb']:.0f}, {kept['mb']:.0f}"
        print(f"{name:14}{returned['ms']:14.1f}{kept['ms']:10.1f}{ratio:7.2f}  {faults}  {memory}")
    harness.finish(found)


if __name__ == "__main__":
    main()
