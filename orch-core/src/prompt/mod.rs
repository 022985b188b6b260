//! Prompts: [`prompt!`](crate::prompt!) for those in the program, [`Template`] for those in files.

mod template;

pub use template::{Template, TemplateError, TemplateErrorKind};

/// A request for a model, whose texts are checked when the program is compiled.
///
/// ```text
/// prompt!("text {name}")
/// prompt!(part, ..)      part := system = "text" | user = "text" | assistant = "text"
///                              | examples = pairs | messages = messages
/// ```
///
/// Each text is a format string: `{name}` stands for the variable of that name, which must exist and have a way to be
/// displayed. What a program was handed and has not cleared (see [`guard`](crate::guard)) has none.
///
/// Parts become messages in the order they are written. `examples` takes pairs of a question and its answer, `messages`
/// a conversation.
///
/// ```
/// use orch_core::prompt;
///
/// let (text, kind) = ("Rain in the north, sun in the south.", "a headline");
/// let request = prompt!("Summarise {text} as {kind}").max_tokens(20);
/// assert_eq!(request.messages[0].text(), "Summarise Rain in the north, sun in the south. as a headline");
///
/// let known = [("Sun everywhere.", "Sunny all over")];
/// let request = prompt!(system = "You write {kind}.", examples = known, user = "{text}");
/// assert_eq!(request.messages.len(), 4);
/// ```
///
/// A name that is not there does not compile:
///
/// ```compile_fail,E0425
/// let request = orch_core::prompt!("Summarise {txt}");
/// ```
#[macro_export]
macro_rules! prompt {
    ($text:literal $(,)?) => {
        $crate::model::ChatRequest::new(::std::vec![$crate::model::Message::User(::std::format!($text))])
    };
    ($($part:ident = $value:expr),+ $(,)?) => {{
        let mut messages: ::std::vec::Vec<$crate::model::Message> = ::std::vec::Vec::new();
        $($crate::__prompt_part!(messages, $part, $value);)+
        $crate::model::ChatRequest::new(messages)
    }};
}

/// A part of a prompt.
#[doc(hidden)]
#[macro_export]
macro_rules! __prompt_part {
    ($messages:ident, system, $text:expr) => {
        $messages.push($crate::model::Message::System(::std::format!($text)))
    };
    ($messages:ident, user, $text:expr) => {
        $messages.push($crate::model::Message::User(::std::format!($text)))
    };
    ($messages:ident, assistant, $text:expr) => {
        $messages.push($crate::model::Message::assistant(::std::format!($text)))
    };
    ($messages:ident, examples, $pairs:expr) => {
        for (question, answer) in $pairs {
            $messages.push($crate::model::Message::user(question));
            $messages.push($crate::model::Message::assistant(answer));
        }
    };
    ($messages:ident, messages, $conversation:expr) => {
        $messages.extend($conversation)
    };
    ($messages:ident, $other:ident, $value:expr) => {
        ::core::compile_error!(::core::concat!(
            "a prompt has no part `",
            ::core::stringify!($other),
            "`\nthe parts are `system`, `user`, `assistant`, `examples` and `messages`"
        ))
    };
}
