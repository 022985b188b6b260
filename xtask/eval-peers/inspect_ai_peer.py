# Measures inspect-ai on CASES (argv[1]): a json_dataset, a custom solver, no model, its exact-match scorer.
# Writes its usual .eval log into the folder argv[2].
import json
import os
import sys
from importlib.metadata import version

from inspect_ai import Task, eval
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import match
from inspect_ai.solver import solver

cases, out = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
dataset = json_dataset(cases, FieldSpec(input="input", target="label", id="id"))
labels = sorted({sample.target for sample in dataset})


@solver
def route():
    async def solve(state, generate):
        text = state.input_text.lower()
        state.output.completion = next((label for label in labels if label in text), "other")
        return state

    return solve


task = Task(dataset=dataset, solver=route(), scorer=match(location="exact", ignore_case=False))
[log] = eval(task, model=None, log_dir=out, display="none")
assert log.status == "success", log.error

results = log.results
accuracy = results.scores[0].metrics["accuracy"].value
peer = {"peer": "inspect-ai", "version": version("inspect-ai"), "cases": results.completed_samples, "accuracy": accuracy}
print(json.dumps(peer))
