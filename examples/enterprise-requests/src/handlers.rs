//! What code does by itself, by category.

use orch_core::Result;

use crate::outcome::Done;

/// Up to so much is bought without a signature.
const SIGNED_ABOVE: u32 = 250;
/// What somebody owns and can open, by the word that gives it away.
const SYSTEMS: [&str; 6] = ["vpn", "badge", "mailbox", "crm", "wiki", "calendar"];
/// Forms, by a word of the request.
const FORMS: [(&str, &str); 5] = [
    ("leave", "leave of absence"),
    ("sick", "certificate of sickness"),
    ("bank", "change of bank details"),
    ("overtime", "correction of hours"),
    ("address", "change of address"),
];
/// Words of somebody who wants money back.
const CLAIMS: [&str; 6] = ["back", "claim", "expense", "refund", "per diem", "receipt"];
/// Words that cannot wait.
const URGENT: [&str; 5] = ["water", "leak", "fire", "smell", "stuck"];

fn automated(reply: impl Into<String>) -> Done {
    Done::Automated { reply: reply.into() }
}

/// Asks the owner of a system for access to it.
///
/// # Errors
///
/// None today; a look into a directory could fail.
pub async fn access(text: &str) -> Result<Done> {
    let text = text.to_lowercase();
    Ok(match SYSTEMS.iter().find(|system| text.contains(**system)) {
        Some(system) => automated(format!("The owner of the {system} was asked to open it for you.")),
        None => automated("Which system is it about? Its name is at the top of the page that refuses you."),
    })
}

/// Sends the form that fits.
///
/// # Errors
///
/// None today.
pub async fn people(text: &str) -> Result<Done> {
    let text = text.to_lowercase();
    Ok(match FORMS.iter().find(|form| text.contains(form.0)) {
        Some((_, form)) => automated(format!("The form \"{form}\" is in your inbox.")),
        None => automated("The people office calls you back today."),
    })
}

/// Orders what costs little, and sends the rest to whoever signs.
///
/// # Errors
///
/// None today; an order could fail.
pub async fn purchase(text: &str) -> Result<Done> {
    Ok(match largest_number(text) {
        Some(cost) if cost <= SIGNED_ABOVE => automated(format!("Ordered for {cost}.")),
        Some(cost) => automated(format!("{cost} is above {SIGNED_ABOVE}: the budget's owner has to sign.")),
        None => automated(format!("What does it cost? Up to {SIGNED_ABOVE} it is ordered at once.")),
    })
}

/// Opens a trip, or a claim for one.
///
/// # Errors
///
/// None today.
pub async fn travel(text: &str) -> Result<Done> {
    Ok(automated(if has_one_of(text, &CLAIMS) {
        "Your claim was opened; add the receipts to it."
    } else {
        "A trip was opened; the agency sends you two offers."
    }))
}

/// Tells whoever looks after the building.
///
/// # Errors
///
/// None today.
pub async fn facilities(text: &str) -> Result<Done> {
    let when = if has_one_of(text, &URGENT) { "at once" } else { "this week" };
    Ok(automated(format!("Somebody comes {when}.")))
}

/// Says that there is nothing to do.
///
/// # Errors
///
/// None today.
pub async fn nothing() -> Result<Done> {
    Ok(automated("This does not look like a request; nothing was done."))
}

fn has_one_of(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// The largest number in a text.
fn largest_number(text: &str) -> Option<u32> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).max()
}
