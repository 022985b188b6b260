//! What is known of patients: three small tables, all of it invented.

use std::fmt;

use orch_core::Result;

use crate::specialty::Specialty;

/// What is known of a patient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Background {
    /// What was before.
    pub history: Vec<String>,
    /// What was measured.
    pub labs: Vec<String>,
    /// What must not be done.
    pub contraindications: Vec<Contraindication>,
}

/// A procedure that is usual, and what speaks against it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contraindication {
    /// The procedure.
    pub procedure: &'static str,
    /// What speaks against it.
    pub because: &'static str,
}

impl fmt::Display for Contraindication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {}: {}", self.procedure, self.because)
    }
}

/// A line about a patient, and who it concerns; nobody named is everybody.
type Entry = (&'static str, &'static str, &'static [Specialty]);

static HISTORY: [Entry; 6] = [
    ("P-101", "pacemaker since 2019", &[]),
    ("P-101", "appendix removed in 1998", &[Specialty::Gastroenterology]),
    ("P-102", "takes an anticoagulant", &[]),
    ("P-103", "asthma as a child", &[Specialty::Pulmonology]),
    ("P-104", "smoked until 2015", &[Specialty::Pulmonology, Specialty::Cardiology]),
    ("P-105", "kidneys weak since 2021", &[]),
];

static LABS: [Entry; 5] = [
    ("P-101", "sodium normal", &[]),
    ("P-102", "INR 2.6", &[]),
    ("P-103", "eosinophils high", &[Specialty::Pulmonology]),
    ("P-104", "LDL 4.1", &[Specialty::Cardiology]),
    ("P-105", "creatinine 240", &[]),
];

const MRI: Contraindication = Contraindication { procedure: "MRI", because: "there is a pacemaker" };
const BIOPSY: Contraindication = Contraindication { procedure: "biopsy", because: "it would bleed" };
const CONTRAST: Contraindication = Contraindication { procedure: "contrast medium", because: "weak kidneys" };

/// A specialist, the word in a patient's tables that speaks against something usual there, and what that is.
static RULES: [(Specialty, &str, Contraindication); 4] = [
    (Specialty::Neurology, "pacemaker", MRI),
    (Specialty::Gastroenterology, "anticoagulant", BIOPSY),
    (Specialty::Pulmonology, "anticoagulant", BIOPSY),
    (Specialty::Cardiology, "kidneys", CONTRAST),
];

/// What was before, as far as it concerns the specialist.
///
/// # Errors
///
/// None today; a look into a database could fail.
pub async fn history(patient: &str, specialty: Specialty) -> Result<Vec<String>> {
    Ok(about(&HISTORY, patient, specialty))
}

/// What was measured, as far as it concerns the specialist.
///
/// # Errors
///
/// None today; a look into a database could fail.
pub async fn labs(patient: &str, specialty: Specialty) -> Result<Vec<String>> {
    Ok(about(&LABS, patient, specialty))
}

/// What of the specialist's usual procedures must not be done.
///
/// # Errors
///
/// None today; a look into a database could fail.
pub async fn contraindications(patient: &str, specialty: Specialty) -> Result<Vec<Contraindication>> {
    let entries = || HISTORY.iter().chain(&LABS).filter(move |(known, ..)| *known == patient);
    let rules = RULES.iter().filter(|(whose, ..)| *whose == specialty);
    let met = rules.filter(|(_, word, _)| entries().any(|(_, line, _)| line.contains(word)));
    Ok(met.map(|(.., contraindication)| *contraindication).collect())
}

fn about(table: &[Entry], patient: &str, specialty: Specialty) -> Vec<String> {
    let concerns = |whom: &[Specialty]| whom.is_empty() || whom.contains(&specialty);
    let entries = table.iter().filter(|(known, _, whom)| *known == patient && concerns(whom));
    entries.map(|(_, line, _)| (*line).to_owned()).collect()
}
