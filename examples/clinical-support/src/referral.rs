//! What comes in, and what goes out.

use crate::specialty::Specialty;
use crate::tables::Background;
use crate::validation::Validation;

/// What a practice wrote about a patient.
#[derive(Clone, Debug)]
pub struct Referral {
    /// The patient's number.
    pub patient: String,
    /// What was written.
    pub text: String,
}

/// A note for the specialist.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Who it is for.
    pub specialty: Specialty,
    /// How sure the router was, from 0 to 1.
    pub confidence: f64,
    /// The stage of the router that decided.
    pub decided_by: &'static str,
    /// What is known of the patient.
    pub background: Background,
    /// The note.
    pub text: String,
    /// Whether it holds.
    pub validation: Validation,
    /// Whether it may be sent.
    pub release: Release,
}

/// Whether a note may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing spoke against it.
    Cleared,
    /// A person looked at it and said yes.
    Approved,
    /// A person looked at it and said no.
    Stopped {
        /// Why.
        why: String,
    },
    /// Nobody has looked at it yet; it is not sent.
    Waiting {
        /// Why nobody has.
        why: String,
    },
}
