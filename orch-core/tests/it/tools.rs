//! Tools, made of functions.

use std::sync::Mutex;
use std::time::Duration;

use orch_core::model::ToolCall;
use orch_core::tool::{Effect, ToolError, Tools};
use orch_core::{Result, tool};

/// A place with a name.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "serde")]
struct Place {
    /// The city.
    city: String,
}

trait Weather: Sync {
    fn degrees(&self, city: &str) -> Option<i32>;
}

struct Fixed;

impl Weather for Fixed {
    fn degrees(&self, city: &str) -> Option<i32> {
        (city == "Oslo").then_some(17)
    }
}

/// The temperature in a place now.
///
/// In degrees Celsius.
#[tool(reads)]
#[name("temperature")]
async fn degrees<W: Weather>(
    weather: &W,
    /// Where.
    place: Place,
    /// Another unit.
    unit: Option<String>,
) -> Result<String> {
    let degrees = weather.degrees(&place.city).ok_or_else(|| orch_core::Error::message("no such city"))?;
    Ok(format!("{degrees} {}", unit.as_deref().unwrap_or("C")))
}

/// Writes a line down.
#[tool(max_bytes = 10)]
#[effect(idempotent)]
async fn note(notes: &Mutex<Vec<String>>, line: String) -> Result<String, std::fmt::Error> {
    let mut notes = notes.lock().unwrap();
    notes.push(line);
    Ok("é".repeat(100))
}

/// Takes its time.
#[tool]
#[timeout(50ms)]
#[effect]
pub(crate) async fn slow() -> Result<()> {
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(())
}

fn call(tool: &str, arguments: &str) -> ToolCall {
    ToolCall::new("1", tool, arguments)
}

#[tokio::test(start_paused = true)]
async fn a_tool_is_what_its_function_says() {
    let notes = Mutex::new(Vec::new());
    let tools = (degrees::tool(&Fixed), note::tool(&notes), slow::tool());
    let specs = tools.specs();
    assert_eq!(specs.iter().map(|spec| &*spec.name).collect::<Vec<_>>(), ["temperature", "note", "slow"]);
    assert_eq!(&*specs[0].description, "The temperature in a place now.\n\nIn degrees Celsius.");
    let schema: serde_json::Value = serde_json::from_str(&specs[0].parameters).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["place"]));
    assert_eq!(schema["properties"]["place"]["properties"]["city"]["description"], "The city.");
    assert_eq!(schema["additionalProperties"], false);
    let effects = ["temperature", "note", "slow", "none"].map(|name| tools.effect(name));
    assert_eq!(effects, [Some(Effect::Reads), Some(Effect::Idempotent), Some(Effect::Writes), None]);

    let there = r#"{"place": {"city": "Oslo"}}"#;
    assert_eq!(tools.call(&call("temperature", there)).await.unwrap(), "17 C");
    assert_eq!(tools.call(&call("note", r#"{"line": "x"}"#)).await.unwrap(), "ééééé [190 bytes left out]");
    assert!(matches!(tools.call(&call("slow", "")).await, Err(ToolError::TimedOut { .. })));
    // The function is still a function.
    assert_eq!(degrees(&Fixed, Place { city: "Oslo".to_owned() }, None).await.unwrap(), "17 C");
}

#[tokio::test]
async fn what_goes_wrong_is_said_to_the_model() {
    let tools = (degrees::tool(&Fixed), ());
    for (asked, said) in [
        (call("temprature", "{}"), "there is no tool `temprature`; there is temperature"),
        (call("temperature", "{"), "the arguments of `temperature` do not fit: EOF while parsing"),
        (call("temperature", "[]"), "the arguments of `temperature` do not fit"),
        (call("temperature", r#"{"place": {"city": 3}}"#), "invalid type: integer `3`, expected a string"),
        (call("temperature", r#"{"place": {"city": "x"}, "planet": 1}"#), "unknown field `planet`"),
        (call("temperature", r#"{"place": {"city": "Nowhere"}}"#), "`temperature` failed: no such city"),
        (call("temperature", &"x".repeat(1 << 20)), "they have 1048576 bytes, and 262144 are read"),
    ] {
        let error = tools.call(&asked).await.unwrap_err().to_string();
        assert!(error.starts_with(said) || error.contains(said), "{error}");
    }
    let none = ().call(&call("any", "{}")).await.unwrap_err();
    assert_eq!(none.to_string(), "there is no tool `any`; there is none");
}
