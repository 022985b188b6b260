//! The end of a conversation.

use crate::model::Message;
use crate::retrieve::estimated_tokens;

/// The last messages that make about `tokens` tokens, oldest first. At least the last is there, however long it is.
///
/// A message that asks for tools and what came of them stay together: providers refuse one without the other.
///
/// ```
/// use orch_core::memory::windowed;
/// use orch_core::model::Message;
///
/// let messages = [Message::user("one two three"), Message::assistant("four"), Message::user("five")];
/// assert_eq!(windowed(&messages, 2), &messages[1..]);
/// ```
#[must_use]
pub fn windowed(messages: &[Message], tokens: usize) -> &[Message] {
    let (mut start, mut used) = (messages.len(), 0);
    while start > 0 {
        // What tools gave goes with whoever asked for it.
        let tools =
            messages[..start].iter().rev().take_while(|message| matches!(message, Message::Tool(_))).count();
        let group = start.saturating_sub(tools + 1);
        used += messages[group..start].iter().map(cost).sum::<usize>();
        if used > tokens && start < messages.len() {
            break;
        }
        start = group;
    }
    &messages[start..]
}

/// The first messages that make about `tokens` tokens, but at least one. What tools gave goes with whoever asked for it.
pub(super) fn beginning(messages: &[Message], tokens: usize) -> &[Message] {
    let (mut end, mut used) = (0, 0);
    for message in messages {
        used += cost(message);
        if used > tokens && end > 0 && !matches!(message, Message::Tool(_)) {
            break;
        }
        end += 1;
    }
    &messages[..end]
}

fn cost(message: &Message) -> usize {
    let calls = match message {
        Message::Assistant { calls, .. } => calls.iter().map(|call| estimated_tokens(&call.arguments)).sum(),
        _ => 0,
    };
    estimated_tokens(message.text()) + calls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ToolCall, ToolResult};

    #[test]
    fn calls_and_their_results_stay_together() {
        let call = |id: &str| ToolCall::new(id, "t", "{}");
        let result = |id: &str| {
            Message::Tool(ToolResult {
                id: id.to_owned(),
                tool: "t".to_owned(),
                text: "word".into(),
                failed: false,
            })
        };
        let messages = [
            Message::user("start"),
            Message::Assistant { text: String::new(), calls: vec![call("1"), call("2")] },
            result("1"),
            result("2"),
            Message::assistant("end"),
        ];
        for tokens in 0..20 {
            let window = windowed(&messages, tokens);
            assert!(!matches!(window[0], Message::Tool(_)), "{tokens}");
            assert!(window.len() != 3 && window.len() != 2, "{tokens}");
        }
        assert_eq!(windowed(&messages, 0).len(), 1);
        assert_eq!(windowed(&messages, 100).len(), 5);
        assert_eq!(windowed(&messages[..4], 0).len(), 3);
        assert!(windowed(&[], 5).is_empty());
        for tokens in 0..20 {
            let first = beginning(&messages, tokens).len();
            assert!(first > 0 && first != 2 && first != 3, "{tokens}: {first}");
        }
        assert_eq!(beginning(&messages, 100).len(), 5);
        assert!(beginning(&[], 5).is_empty());
    }
}
