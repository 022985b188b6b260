//! One handler for each route. Here they are plain Rust; a model or a tool would stand in the same place.

use orch_core::{Error, Result};

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
pub async fn billing(order: Option<&str>) -> Result<String> {
    let about = order
        .map_or_else(|| "your last charges".to_owned(), |order| format!("the charges for order {order}"));
    Ok(format!(
        "We are looking at {about}. A charge that should not be there is back within five working days."
    ))
}

/// Answers about parcels.
///
/// # Errors
///
/// None today.
pub async fn shipping(order: Option<&str>) -> Result<String> {
    Ok(match order {
        Some(order) => {
            format!("Order {order} is with the courier; the tracking page has its last stop.")
        }
        None => "Please send us the order number, and we will find the parcel.".to_owned(),
    })
}

/// Answers about returns.
///
/// # Errors
///
/// None today.
pub async fn returns(order: Option<&str>) -> Result<String> {
    let order = order.unwrap_or("from your confirmation mail");
    Ok(format!(
        "You can send order {order} back within 30 days. The label is in your account, under Returns."
    ))
}

/// Answers that need nothing but their text.
///
/// # Errors
///
/// When there is no text for `topic`.
pub async fn article(topic: &str) -> Result<String> {
    let text = match topic {
        "technical" => {
            "Hold the button for ten seconds until the light blinks, then pair the device again in the app."
        }
        "account" => {
            "Use \"Forgot password\" on the sign-in page; the link in the mail is good for one hour."
        }
        "subscription" => {
            "You can change or cancel the cloud plan any time under Account, Plan; it runs to the end of the month."
        }
        "product" => "Each product page lists what it works with. The hub connects everything we sell.",
        _ => return Err(Error::message(format!("there is no article about {topic}"))),
    };
    Ok(text.to_owned())
}

/// Hands the ticket to a person.
///
/// # Errors
///
/// None today.
pub async fn person(ticket: &Ticket) -> Result<String> {
    let words = ticket.text.split_whitespace().count();
    Ok(format!("A colleague will read your message of {words} words and answer today."))
}

/// Whether an answer can leave as it is: it says something, and an upset customer gets a person's eye.
///
/// # Errors
///
/// When the answer is empty.
pub async fn check(draft: &str, mood: Mood, confidence: f64) -> Result<bool> {
    if draft.trim().is_empty() {
        return Err(Error::message("the draft is empty"));
    }
    Ok(mood == Mood::Upset || confidence < 0.5)
}
