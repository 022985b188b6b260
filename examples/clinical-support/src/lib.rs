//! Referrals find a specialist, and a note is written for them.
//!
//! **This is an example of the library and no medical device.** Patients, tables and rules are invented. Nothing in
//! it has been checked by anybody who treats people, and it must not be used for that.
//!
//! Where a referral has an ICD-10 code, plain code decides; a learned router reads the others. What is known of the
//! patient is looked up in three tables at the same time, a model puts it into two sentences, and what it wrote is
//! checked. Where something speaks against a usual procedure, or the note does not hold, a person decides.
//!
//! ```text
//! specialist -> (history beside labs beside contraindications) -> synthesis -> validation -> released, or a person
//! ```
//!
//! [`refer`](fn@refer) takes one referral as it comes in; [`refer_all`](fn@refer_all) takes many, four at the same
//! time.

pub mod codes;
pub mod on_call;
pub mod referral;
pub mod specialty;
pub mod suite;
pub mod synthesis;
pub mod tables;
pub mod validation;
pub mod workflow;

pub use on_call::{OnCall, Question, Ruling};
pub use referral::{Note, Referral, Release};
pub use specialty::Specialty;
pub use tables::Background;
pub use validation::Validation;
pub use workflow::{refer, refer_all};
