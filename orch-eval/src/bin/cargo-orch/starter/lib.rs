//! Where a customer's message goes.

use orch_core::router::{Cascade, Example, Keyword, Learned, Router};
use orch_core::{Result, Route};

/// Who answers a message.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Desk {
    /// Where an order is, and when it comes.
    #[route(keywords("tracking number"))]
    Delivery,
    /// Money back, and goods back.
    #[route(keywords("refund"))]
    Returns,
    /// What a product is and can.
    Advice,
    /// Everything else goes to a person.
    #[route(default)]
    Person,
}

/// What is learned from: a message a line, a bar, and its desk.
const MESSAGES: &str = include_str!("messages.txt");

/// Words that say it outright first, then what was learned, else a person.
///
/// # Errors
///
/// When a line of the messages names no desk.
pub fn router() -> Result<impl Router<Route = Desk>> {
    let learned = Learned::fit(&messages()?)?;
    Ok(Cascade::first("words", Keyword::<Desk>::declared()?, 0.6)
        .then("learned", learned, 0.5)
        .otherwise(Desk::Person))
}

fn messages() -> Result<Vec<Example<Desk>>> {
    MESSAGES
        .lines()
        .map(|line| {
            let (input, label) = line.rsplit_once(" | ").unwrap_or((line, ""));
            // What goes to a person is of no desk, and is learned as such.
            let desk = Desk::ALL.iter().copied().find(|desk| format!("{desk:?}").eq_ignore_ascii_case(label));
            let desk = desk.ok_or_else(|| orch_core::Error::message(format!("`{label}` is no desk")))?;
            Ok(Example::new(input, (desk != Desk::Person).then_some(desk)))
        })
        .collect()
}
