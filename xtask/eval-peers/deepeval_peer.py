# Measures deepeval on CASES (argv[1]): an EvaluationDataset, a custom metric without an LLM, evaluate().
# Writes its test run and latest-run files into the folder argv[2]; its cache, telemetry and printing are off.
import json
import os
import sys

os.environ.update(DEEPEVAL_TELEMETRY_OPT_OUT="1", DEEPEVAL_UPDATE_WARNING_OPT_IN="0", DEEPEVAL_DISABLE_DOTENV="1")
cases, out = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
os.makedirs(out, exist_ok=True)
os.chdir(out)  # its .deepeval folder is in the current one

from deepeval import __version__, evaluate
from deepeval.dataset import EvaluationDataset, Golden
from deepeval.evaluate import CacheConfig, DisplayConfig
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
    text, label = golden.input, golden.expected_output
    dataset.add_test_case(LLMTestCase(name=golden.name, input=text, actual_output=route(text), expected_output=label))
quiet = DisplayConfig(show_indicator=False, print_results=False, results_folder=out)
# Its default cache rewrites whole files after each case: 44 CPU s for 1,000 cases, unfinished after 505 for 10,000.
cache = CacheConfig(write_cache=False)
results = evaluate(dataset.test_cases, [Exact()], display_config=quiet, cache_config=cache).test_results
accuracy = sum(result.success for result in results) / len(results)
print(json.dumps({"peer": "deepeval", "version": __version__, "cases": len(results), "accuracy": accuracy}))
