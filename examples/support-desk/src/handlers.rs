//! Handlers that are plain Rust: each stands where a model or a tool could.

use orch_core::Result;
use orch_core::guard::{Guard as _, Length, NoSecrets};

use crate::articles::Article;
use crate::desk::{Mood, Ticket};

/// The tone of a ticket.
///
/// # Errors
///
/// None today; a model in its place could fail.
pub async fn mood(ticket: &Ticket) -> Result<Mood> {
    let text = &ticket.text;
    let capitals = text.chars().filter(|letter| letter.is_uppercase()).count();
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let complains = ["ridiculous", "terrible", "worst", "angry", "unacceptable", "scam", "joke"]
        .iter()
        .any(|word| text.to_lowercase().contains(word));
    let shouts = letters > 10 && capitals * 2 > letters;
    Ok(if complains || shouts || text.contains("!!") { Mood::Upset } else { Mood::Calm })
}

/// The order a ticket is about: its first number of five digits.
///
/// # Errors
///
/// None today; a look into a database could fail.
pub async fn order_number(ticket: &Ticket) -> Result<Option<String>> {
    let mut numbers = ticket.text.split(|letter: char| !letter.is_ascii_digit());
    Ok(numbers.find(|digits| digits.len() == 5).map(str::to_owned))
}

/// Answers about charges.
///
/// # Errors
///
/// None today.
pub async fn billing(order: Option<&str>) -> Result<Draft> {
    let about = order
        .map_or_else(|| "your last charges".to_owned(), |order| format!("the charges for order {order}"));
    Ok(Draft::plain(format!(
        "We are looking at {about}. A charge that should not be there is back within five working days."
    )))
}

/// Answers about parcels.
///
/// # Errors
///
/// None today.
pub async fn shipping(order: Option<&str>) -> Result<Draft> {
    Ok(Draft::plain(match order {
        Some(order) => {
            format!("Order {order} is with the courier; the tracking page has its last stop.")
        }
        None => "Please send us the order number, and we will find the parcel.".to_owned(),
    }))
}

/// Answers about returns.
///
/// # Errors
///
/// None today.
pub async fn returns(order: Option<&str>) -> Result<Draft> {
    let order = order.unwrap_or("from your confirmation mail");
    Ok(Draft::plain(format!(
        "You can send order {order} back within 30 days. The label is in your account, under Returns."
    )))
}

/// What a handler writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The answer.
    pub text: String,
    /// The help article it stands on, if it does.
    pub article: Option<Article>,
}

impl Draft {
    /// An answer that stands on no article.
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), article: None }
    }
}

/// Hands the ticket to a person.
///
/// # Errors
///
/// None today.
pub async fn person(ticket: &Ticket) -> Result<Draft> {
    let words = ticket.text.split_whitespace().count();
    Ok(Draft::plain(format!("A colleague will read your message of {words} words and answer today.")))
}

/// Whether a person should read an answer before it leaves: an upset customer's, one the router was not sure of, and one
/// that says what its article does not.
///
/// # Errors
///
/// When the answer is empty, or has a secret in it.
pub async fn check(draft: &Draft, mood: Mood, confidence: f64) -> Result<bool> {
    let leaves = (Length::at_most(2_000).at_least(1), NoSecrets::refused());
    leaves.enforce(draft.text.trim().to_owned()).await?;
    let grounded = match draft.article {
        Some(article) => article.carries(&draft.text).await?,
        None => true,
    };
    Ok(mood == Mood::Upset || confidence < 0.5 || !grounded)
}
