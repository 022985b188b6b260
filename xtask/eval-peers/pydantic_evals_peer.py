# Measures pydantic-evals on CASES (argv[1]): a Dataset, one local task, EqualsExpected.
# Writes its EvaluationReport as JSON and its printed table as text into the folder argv[2].
import json
import sys
from importlib.metadata import version
from pathlib import Path

from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EqualsExpected
from pydantic_evals.reporting import EvaluationReportAdapter
from rich.console import Console

cases, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
with open(cases) as file:
    rows = [json.loads(line) for line in file]
labels = sorted({row["label"] for row in rows})


def route(text: str) -> str:
    text = text.lower()
    return next((label for label in labels if label in text), "other")


dataset = Dataset(
    name="router",
    cases=[Case(name=row["id"], inputs=row["input"], expected_output=row["label"]) for row in rows],
    evaluators=[EqualsExpected()],
)
report = dataset.evaluate_sync(route, progress=False)
(out / "report.json").write_bytes(EvaluationReportAdapter.dump_json(report))
with open(out / "report.txt", "w") as file:
    report.print(console=Console(file=file, width=160))

accuracy = report.averages().assertions
peer = {"peer": "pydantic-evals", "version": version("pydantic-evals"), "cases": len(report.cases), "accuracy": accuracy}
print(json.dumps(peer))
