//! The report as Markdown, for the summary of a CI run.

use std::fmt::Write as _;

use super::cut;
use super::terminal::or_dash;
use crate::gate::{Ruling, p_value};
use crate::statistics::Proportion;
use crate::suite::Report;

/// Rows of a table: the page has them all.
const ROWS: usize = 20;
/// Characters of an input that is shown.
const INPUT: usize = 120;

impl Report {
    /// The report as Markdown: verdict, figures, what broke, and the weakest labels.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("## {}: {}\n\n", plain(&self.suite), self.verdict.word());
        out.push_str("| gate | ruling | why |\n|---|---|---|\n");
        for judgement in &self.judgements {
            let (gate, ruling, reason) = (&judgement.gate, judgement.ruling, &judgement.reason);
            let _ =
                writeln!(out, "| {} | {}{} | {} |", plain(gate), sign(ruling), ruling.word(), plain(reason));
        }
        let metrics = &self.metrics;
        let _ = writeln!(out, "\n**Accuracy {}**", proportion(&metrics.accuracy));
        if let (Some(before), Some(paired), Some(changes)) =
            (self.baseline_accuracy, &self.paired, &self.changes)
        {
            let _ = writeln!(
                out,
                "against {before:.3} before: {:+.3}, {}; {} fixed, {} broken; a change below {:.3} goes unseen on {} cases.",
                paired.net,
                p_value(paired.p),
                changes.fixed.len(),
                changes.broken.len(),
                paired.detectable,
                changes.compared
            );
        }
        let _ = writeln!(
            out,
            "\nIn scope {}, macro F1 {}, out-of-scope recall {}, calibration error {}, errors {}.",
            metrics.in_scope_accuracy.as_ref().map_or_else(|| "-".to_owned(), proportion),
            or_dash(metrics.macro_f1),
            metrics.oos_recall.as_ref().map_or_else(|| "-".to_owned(), proportion),
            or_dash(metrics.ece),
            metrics.errors
        );
        self.broken_cases(&mut out);
        self.weakest_labels(&mut out);
        for note in &self.notes {
            let _ = writeln!(out, "\n> {}", plain(note));
        }
        out
    }

    fn broken_cases(&self, out: &mut String) {
        let Some(changes) = self.changes.as_ref().filter(|changes| !changes.broken.is_empty()) else {
            return;
        };
        let _ = writeln!(out, "\n### Broken\n\n| case | input | expected | got |\n|---|---|---|---|");
        let pairs = self.cases.iter().zip(&self.outcomes);
        let broken = pairs.filter(|(case, _)| changes.broken.contains(&case.id));
        for (case, outcome) in broken.take(ROWS) {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                plain(&case.id),
                plain(&cut(&case.input, INPUT)),
                plain(case.expected.first().unwrap_or("out of scope")),
                plain(outcome.got.as_deref().unwrap_or("abstained"))
            );
        }
        if changes.broken.len() > ROWS {
            let _ = writeln!(out, "\nand {} more.", changes.broken.len() - ROWS);
        }
    }

    fn weakest_labels(&self, out: &mut String) {
        let mut labels: Vec<_> = self.metrics.per_label.iter().filter(|label| label.support > 0).collect();
        if labels.is_empty() {
            return;
        }
        labels.sort_by(|a, b| a.f1.total_cmp(&b.f1));
        let _ = writeln!(
            out,
            "\n<details><summary>Labels, the weakest first</summary>\n\n| label | cases | precision | recall | F1 |\n|---|---:|---:|---:|---:|"
        );
        for label in labels.iter().take(ROWS) {
            let (precision, recall) = (label.precision.value, label.recall.value);
            let name = plain(&label.label);
            let _ = writeln!(
                out,
                "| {name} | {} | {precision:.3} | {recall:.3} | {:.3} |",
                label.support, label.f1
            );
        }
        out.push_str("\n</details>\n");
    }
}

fn sign(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Pass => "✅ ",
        Ruling::Inconclusive => "❔ ",
        Ruling::NoVerdict => "⚠️ ",
        Ruling::Fail | Ruling::PinnedBroke => "❌ ",
    }
}

fn proportion(value: &Proportion) -> String {
    format!("{:.3} [{:.3}, {:.3}]", value.value, value.low, value.high)
}

/// Text that is no markup and stays in its cell.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("&#64;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' | '~' => safe.extend(['\\', letter]),
            letter if letter.is_control() => safe.push('\u{FFFD}'),
            letter => safe.push(letter),
        }
    }
    safe
}
