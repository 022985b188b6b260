//! Values instead of words: a model's answer as a type.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::model::{AnswerFormat, AnswerSchema, ChatModel, ChatRequest, Finish, Message, Usage};

mod extract;
mod lenient;
mod sorted;

pub use extract::{ExtractError, Extracted, Form, extract};
pub(crate) use sorted::sorted;

/// An answer as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structured<T> {
    /// The value.
    pub value: T,
    /// How far the answer was from being just the value.
    pub form: Form,
    /// Whether the model had to be asked again.
    pub repaired: bool,
    /// What was used.
    pub usage: Usage,
}

/// A model gave no value of the type, and neither when it was told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoValue {
    /// The model.
    pub model: String,
    /// What was wrong with its first answer.
    pub first: ExtractError,
    /// What was wrong with its second.
    pub second: ExtractError,
    /// What was used.
    pub usage: Usage,
}

impl NoValue {
    /// What was used for answers that were no values, where that is what failed: it was paid for all the same.
    pub(crate) fn used(error: &Error) -> Usage {
        error.downcast_ref::<Self>().map_or(Usage::default(), |none| none.usage)
    }
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "model `{}` gave no value of the type: {}; asked again: {}",
            self.model, self.first, self.second
        )
    }
}

impl std::error::Error for NoValue {}

/// The schema of a type, as models are given it.
///
/// ```
/// use orch_core::structured::schema_of;
///
/// #[derive(schemars::JsonSchema)]
/// struct Person {
///     /// In full years.
///     age: u8,
/// }
/// let schema = schema_of::<Person>();
/// assert_eq!(schema.name, "Person");
/// assert!(schema.schema.contains("In full years."));
/// # let _ = Person { age: 1 }.age;
/// ```
#[must_use]
pub fn schema_of<T: JsonSchema>() -> AnswerSchema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        // Where a schema is turned into a grammar, references are what fails.
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let name = T::schema_name();
    let name: String = name
        .chars()
        .map(
            |letter| {
                if letter.is_ascii_alphanumeric() || letter == '_' || letter == '-' { letter } else { '_' }
            },
        )
        .take(64)
        .collect();
    AnswerSchema { name, schema: sorted(schema.as_value()).into() }
}

/// Asks for a value of a type. The schema goes with the request, for providers that hold a model to it, and into its
/// messages, for those that do not. An answer that is no `T` is sent back once, with what is wrong with it.
///
/// ```
/// use orch_core::model::{ChatRequest, Message, ScriptedModel};
/// use orch_core::structured::structured;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Person {
///     name: String,
///     age: u8,
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let model = ScriptedModel::new("test").says("Anna is 31.").says(r#"{"name": "Anna", "age": 31}"#);
/// let request = ChatRequest::new(vec![Message::user("Who? Anna, 31.")]);
/// let answer = structured::<Person>(&model, request).await?;
/// assert_eq!((answer.value.name.as_str(), answer.value.age, answer.repaired), ("Anna", 31, true));
/// # orch_core::Ok(()) }).unwrap();
/// ```
///
/// # Errors
///
/// [`NoValue`] when the second answer is no `T` either; and what the model fails with.
pub async fn structured<T: DeserializeOwned + JsonSchema>(
    model: &impl ChatModel,
    mut request: ChatRequest,
) -> Result<Structured<T>> {
    let schema = schema_of::<T>();
    let task = Message::system(format!("Answer with only a JSON value of this schema:\n{}", schema.schema));
    let place = request.messages.iter().take_while(|message| matches!(message, Message::System(_))).count();
    request.messages.insert(place, task);
    request.answer = AnswerFormat::Json(schema);

    let reply = model.chat(&request).await?;
    let mut usage = reply.usage;
    let first = match found(&reply.text, reply.finish) {
        Ok(Extracted { value, form }) => return Ok(Structured { value, form, repaired: false, usage }),
        Err(error) => error,
    };
    request.messages.push(Message::assistant(reply.text));
    request.messages.push(Message::user(format!(
        "That is not what the schema says: {}. Answer again, with only the JSON value.",
        first.reason
    )));
    let reply = model.chat(&request).await?;
    usage += reply.usage;
    match found(&reply.text, reply.finish) {
        Ok(Extracted { value, form }) => Ok(Structured { value, form, repaired: true, usage }),
        Err(second) => Err(NoValue { model: model.name().to_owned(), first, second, usage }.into()),
    }
}

/// The value of an answer, if it is whole.
pub(crate) fn whole<T: DeserializeOwned>(text: &str, finish: Finish) -> Result<T, ExtractError> {
    found(text, finish).map(|found| found.value)
}

/// The value of an answer. One the model could not end is no value, however much of it came: it is asked for again.
fn found<T: DeserializeOwned>(text: &str, finish: Finish) -> Result<Extracted<T>, ExtractError> {
    let found = extract(text)?;
    if finish == Finish::Length && found.form == Form::Cut {
        let answer = text.chars().take(80).collect();
        return Err(ExtractError { reason: "it reached the most tokens before its end".to_owned(), answer });
    }
    Ok(found)
}
