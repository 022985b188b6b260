//! One snapshot for each suite: rounded figures, confusions and misroutes, kept by insta.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::gate::{Judgement, Ruling};
use crate::report::cut;
use crate::report::terminal::or_dash;
use crate::suite::Report;

/// Characters of an answer that are kept.
const ANSWER: usize = 200;

/// Compares the report with `<folder>/snapshots/<suite>.snap`. Review a difference with `cargo insta review`.
pub(crate) fn judge(folder: &Path, report: &Report, bless: bool) -> Option<Judgement> {
    let text = render(report);
    let folder = std::path::absolute(folder.join("snapshots")).ok()?;
    let file = folder.join(format!("{}.snap", report.suite));
    let gate = "snapshot".to_owned();
    if !file.exists() && !bless {
        let reason = "there is none yet; make one with ORCH_BLESS=1".to_owned();
        return Some(Judgement { gate, ruling: Ruling::Inconclusive, reason });
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    if bless {
        let body = format!("---\nsource: {}\n---\n{text}", report.suite);
        return match std::fs::create_dir_all(&folder)
            .and_then(|()| crate::files::write_whole(&file, body.as_bytes()))
        {
            Ok(()) => Some(Judgement { gate, ruling: Ruling::Pass, reason: "accepted".to_owned() }),
            Err(error) => {
                let reason = format!("{} cannot be written: {error}", file.display());
                Some(Judgement { gate, ruling: Ruling::NoVerdict, reason })
            }
        };
    }
    let name = report.suite.clone();
    let same = catch_unwind(AssertUnwindSafe(|| {
        settings.bind(|| insta::assert_snapshot!(name, text));
    }));
    Some(match same {
        Ok(()) => Judgement { gate, ruling: Ruling::Pass, reason: "as before".to_owned() },
        Err(_) => Judgement {
            gate,
            ruling: Ruling::Fail,
            reason: "differs; see it with `cargo insta review`, accept it there or with ORCH_BLESS=1"
                .to_owned(),
        },
    })
}

/// The report as text that changes only when the router's answers do.
fn render(report: &Report) -> String {
    let metrics = &report.metrics;
    let mut text = String::new();
    let _ = writeln!(text, "cases {}  errors {}", metrics.n, metrics.errors);
    let _ = writeln!(
        text,
        "accuracy {:.3}  in scope {}",
        metrics.accuracy.value,
        or_dash(metrics.in_scope_accuracy.map(|a| a.value))
    );
    if let Some(recall) = &metrics.oos_recall {
        let precision = metrics.oos_precision.map_or(0.0, |precision| precision.value);
        let _ = writeln!(text, "out of scope: recall {:.3}  precision {precision:.3}", recall.value);
    }
    if !report.labelled {
        let _ = writeln!(text, "\nanswers");
        for outcome in &report.outcomes {
            let (sign, answer) = (if outcome.right { "" } else { "wrong: " }, outcome.got.as_deref());
            let _ = writeln!(text, "{}: {sign}{}", outcome.id, cut(answer.unwrap_or("none"), ANSWER));
        }
        return text;
    }
    let _ = writeln!(text, "\nlabel: support, precision, recall");
    for label in metrics.per_label.iter().filter(|label| label.support > 0) {
        let (precision, recall) = (label.precision.value, label.recall.value);
        let _ = writeln!(text, "{}: {}, {precision:.2}, {recall:.2}", label.label, label.support);
    }
    let _ = writeln!(text, "\nstage: decided, right");
    for stage in &metrics.per_stage {
        let _ = writeln!(text, "{}: {}, {}", stage.stage, stage.decided, stage.right.count);
    }
    let _ = writeln!(text, "\nconfusions");
    for confusion in &metrics.confusions {
        let (expected, got) = (confusion.expected.as_deref(), confusion.got.as_deref());
        let _ = writeln!(
            text,
            "{} taken for {}: {}",
            expected.unwrap_or("out of scope"),
            got.unwrap_or("out of scope"),
            confusion.count
        );
    }
    let _ = writeln!(text, "\nmisroutes");
    for outcome in report.outcomes.iter().filter(|outcome| !outcome.right) {
        let passed = outcome.passed.as_ref().map_or_else(String::new, |passed| format!(", after {passed}"));
        let got = outcome.got.as_deref().unwrap_or("abstained");
        let _ = writeln!(text, "{}: {got} ({}{passed})", outcome.id, outcome.stage);
    }
    text
}
