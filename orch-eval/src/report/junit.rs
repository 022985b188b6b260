//! The report as `JUnit`'s XML: a case for each gate and each label.

use std::fmt::Write as _;

use crate::gate::Ruling;
use crate::suite::Report;

impl Report {
    /// The report as `JUnit`'s XML, which most CI systems show: a case for each gate, and one for each label that says
    /// how it did.
    #[must_use]
    pub fn junit(&self) -> String {
        let labels = self.metrics.per_label.iter().filter(|label| label.support > 0);
        let count = |wanted: fn(Ruling) -> bool| {
            self.judgements.iter().filter(|judgement| wanted(judgement.ruling)).count()
        };
        let failures = count(|ruling| matches!(ruling, Ruling::Fail | Ruling::PinnedBroke));
        let (errors, skipped) =
            (count(|ruling| ruling == Ruling::NoVerdict), count(|ruling| ruling == Ruling::Inconclusive));
        let suite = escaped(&self.suite);
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{suite}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">\n",
            self.judgements.len() + labels.clone().count(),
        );
        for judgement in &self.judgements {
            let (gate, reason) = (escaped(&judgement.gate), escaped(&judgement.reason));
            let inside = match judgement.ruling {
                Ruling::Pass => format!("<system-out>{reason}</system-out>"),
                Ruling::Inconclusive => format!("<skipped message=\"inconclusive: {reason}\"/>"),
                Ruling::NoVerdict => format!("<error message=\"no verdict: {reason}\"/>"),
                Ruling::Fail | Ruling::PinnedBroke => {
                    format!("<failure message=\"{}: {reason}\"/>", judgement.ruling.word())
                }
            };
            let _ =
                writeln!(xml, "<testcase classname=\"{suite}.gates\" name=\"{gate}\">{inside}</testcase>");
        }
        for label in labels {
            let _ = writeln!(
                xml,
                "<testcase classname=\"{suite}.labels\" name=\"{}\"><system-out>{} cases, precision {:.3}, recall {:.3}, F1 {:.3}</system-out></testcase>",
                escaped(&label.label),
                label.support,
                label.precision.value,
                label.recall.value,
                label.f1
            );
        }
        xml.push_str("</testsuite>\n</testsuites>\n");
        xml
    }
}

/// Text as it may stand in XML 1.0, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            '\t' => safe.push_str("&#9;"),
            '\u{FFFE}' | '\u{FFFF}' => safe.push('\u{FFFD}'),
            letter if letter.is_control() => safe.push('\u{FFFD}'),
            letter => safe.push(letter),
        }
    }
    safe
}
