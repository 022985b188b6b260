//! One screen: the verdict first, then why.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use crate::gate::p_value;
use crate::metrics::Metrics;
use crate::statistics::Proportion;
use crate::suite::Report;

/// Lines of a list before it is cut.
const SHOWN: usize = 8;

impl Report {
    /// The report as one screen of text.
    #[must_use]
    pub fn terminal(&self) -> String {
        let mut out = format!("{}: {}\n", self.suite, self.verdict.word().to_uppercase());
        for judgement in &self.judgements {
            let _ =
                writeln!(out, "  {:<13} {}: {}", judgement.ruling.word(), judgement.gate, judgement.reason);
        }
        out.push('\n');
        out.push_str(&scores(&self.metrics));
        if let (Some(changes), Some(paired), Some(before)) =
            (&self.changes, &self.paired, self.baseline_accuracy)
        {
            let _ = writeln!(
                out,
                "baseline      {before:.3}   change {:+.3}, {}; a change below {:.3} goes unseen on {} cases",
                paired.net,
                p_value(paired.p),
                paired.detectable,
                changes.compared
            );
            list(&mut out, "fixed", &changes.fixed);
            list(&mut out, "broken", &changes.broken);
        }
        out.push('\n');
        out.push_str(&tables(&self.metrics));
        for worth in &self.attribution {
            let without = or_dash(worth.accuracy_without);
            let _ = writeln!(out, "without {:<12} accuracy would be {without}", worth.stage);
        }
        for it in &self.robustness {
            let lost = (self.metrics.accuracy.value - it.accuracy.value) * 100.0;
            let _ =
                writeln!(out, "{}: {lost:+.1} points lost, {} cases break", it.perturbation, it.broken.len());
        }
        if let Some(rival) = &self.rival {
            let _ = writeln!(
                out,
                "against {}: accuracy {:.3} to {:.3}, {:+.3}, {}; median time {:.1} µs to {:.1} µs; cost {:.4} to {:.4} dollars",
                rival.name,
                self.metrics.accuracy.value,
                rival.metrics.accuracy.value,
                rival.paired.net,
                p_value(rival.paired.p),
                self.metrics.p50_us,
                rival.metrics.p50_us,
                self.metrics.cost_usd,
                rival.metrics.cost_usd
            );
        }
        if let Some(folder) = &self.folder {
            let _ = writeln!(out, "report: {}", folder.join("report.html").display());
        }
        for note in &self.notes {
            let _ = writeln!(out, "note: {note}");
        }
        out
    }
}

impl Metrics {
    /// The scores as one screen of text.
    #[must_use]
    pub fn terminal(&self) -> String {
        format!("{}\n{}", scores(self), tables(self))
    }
}

/// The figures of a run, a line each.
fn scores(metrics: &Metrics) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "accuracy      {}", proportion(&metrics.accuracy));
    if let Some(accuracy) = &metrics.in_scope_accuracy {
        let _ =
            writeln!(out, "in scope      {}   macro F1 {}", proportion(accuracy), or_dash(metrics.macro_f1));
    }
    if let Some(recall) = &metrics.oos_recall {
        let precision = or_dash(metrics.oos_precision.map(|precision| precision.value));
        let auroc = or_dash(metrics.oos_auroc);
        let _ = writeln!(out, "out of scope  {}   precision {precision}, AUROC {auroc}", proportion(recall));
    }
    let _ = writeln!(
        out,
        "calibration   error {}   decisions: {:.1} µs at the median, {:.1} µs at the 99th percentile",
        or_dash(metrics.ece),
        metrics.p50_us,
        metrics.p99_us
    );
    if metrics.cost_usd > 0.0 {
        let mean = metrics.cost_usd / metrics.n.max(1) as f64;
        let _ = writeln!(out, "cost          {:.4} dollars, {mean:.6} a decision", metrics.cost_usd);
    }
    out
}

/// A figure, or a dash where there is nothing to measure.
pub(crate) fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn proportion(value: &Proportion) -> String {
    format!("{:.3} [{:.3}, {:.3}] ({} of {})", value.value, value.low, value.high, value.count, value.total)
}

fn list(out: &mut String, name: &str, ids: &[String]) {
    if !ids.is_empty() {
        let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
        let _ = writeln!(out, "{name:<13} {}{more}", ids[..ids.len().min(SHOWN)].join(", "));
    }
}

/// The tables of a run: worst labels first, then stages, then what is taken for what.
fn tables(metrics: &Metrics) -> String {
    let mut labels: Vec<_> = metrics.per_label.iter().filter(|label| label.support > 0).collect();
    labels.sort_by(|a, b| a.f1.total_cmp(&b.f1));
    let mut table = plain(&["label", "cases", "precision", "recall", "F1"]);
    for label in labels.iter().take(12) {
        table.add_row([
            label.label.clone(),
            label.support.to_string(),
            format!("{:.3}", label.precision.value),
            format!("{:.3}", label.recall.value),
            format!("{:.3}", label.f1),
        ]);
    }
    let mut out = if labels.is_empty() { String::new() } else { format!("{table}\n") };
    if labels.len() > 12 {
        let _ = writeln!(out, "and {} labels with a better F1", labels.len() - 12);
    }
    let mut table = plain(&["stage", "decided", "right"]);
    for stage in &metrics.per_stage {
        table.add_row([stage.stage.clone(), stage.decided.to_string(), format!("{:.3}", stage.right.value)]);
    }
    let _ = writeln!(out, "\n{table}");
    if !metrics.confusions.is_empty() {
        let mut table = plain(&["expected", "got", "cases"]);
        for confusion in metrics.confusions.iter().take(SHOWN) {
            let name = |label: &Option<String>| label.clone().unwrap_or_else(|| "out of scope".to_owned());
            table.add_row([name(&confusion.expected), name(&confusion.got), confusion.count.to_string()]);
        }
        let _ = writeln!(out, "\n{table}");
    }
    out
}

fn plain(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    let numbers = table.column_iter_mut().skip(1);
    for column in numbers {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
