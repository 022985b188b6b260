# Measures deepeval on CASES (argv[1]): an EvaluationDataset, a custom metric without an LLM, evaluate().
# Writes its test run, cache and latest-run files into the folder argv[2], with its telemetry off.
import json
import os
import sys

os.environ.update(DEEPEVAL_TELEMETRY_OPT_OUT="1", DEEPEVAL_UPDATE_WARNING_OPT_IN="0", DEEPEVAL_DISABLE_DOTENV="1")
cases, out = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
os.makedirs(out, exist_ok=True)
os.chdir(out)  # its .deepeval folder is in the current one

from deepeval import __version__, evaluate
from deepeval.dataset import EvaluationDataset, Golden
from deepeval.evaluate import DisplayConfig
from deepeval.metrics import BaseMetric
from deepeval.test_case import LLMTestCase

with open(cases) as file:
    rows = [json.loads(line) for line in file]
labels = sorted({row["label"] for row in rows})


def route(text):
    text = text.lower()
    return next((label for label in labels if label in text), "other")


class Exact(BaseMetric):
    threshold = 1.0
    __name__ = "Exact"

    def measure(self, case):
        self.score = float(case.actual_output == case.expected_output)
        self.success = self.score == 1.0
        return self.score

    async def a_measure(self, case, *args, **kwargs):
        return self.measure(case)

    def is_successful(self):
        return self.success


dataset = EvaluationDataset(goldens=[Golden(name=r["id"], input=r["input"], expected_output=r["label"]) for r in rows])
for golden in dataset.goldens:
    case = LLMTestCase(name=golden.name, input=golden.input, actual_output=route(golden.input), expected_output=golden.expected_output)
    dataset.add_test_case(case)
quiet = DisplayConfig(show_indicator=False, print_results=False, results_folder=out)
results = evaluate(dataset.test_cases, [Exact()], display_config=quiet).test_results
accuracy = sum(result.success for result in results) / len(results)
print(json.dumps({"peer": "deepeval", "version": __version__, "cases": len(results), "accuracy": accuracy}))
