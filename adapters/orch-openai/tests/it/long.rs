//! A model of 1.5 billion weights, where it is installed: `cargo xtask long`.

use orch_core::agent::React;
use orch_core::model::conformance::{self, Abilities};
use orch_core::model::{ChatRequest, Message, PromptedTools};
use orch_core::router::{LlmRouter, Router};
use orch_core::structured::structured;
use orch_core::{Result, Route, tool};
use orch_openai::{Chat, Server};
use testkit::{Llama, Model};

/// What a support desk is asked.
#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent {
    /// Charges, refunds, invoices and ways to pay.
    Billing,
    /// Parcels on their way, delivery and tracking.
    Shipping,
    /// Passwords, signing in and the user's profile.
    Account,
    /// Devices and apps that crash, show errors or do not connect.
    Technical,
    /// Anything else.
    #[route(default)]
    Other,
}

const MESSAGES: [(&str, Intent); 20] = [
    ("You charged my card twice this month", Intent::Billing),
    ("Please send me the invoice for March", Intent::Billing),
    ("Can I pay by bank transfer instead of card?", Intent::Billing),
    ("When do I get my refund?", Intent::Billing),
    ("Where is my parcel, it should have been here on Monday", Intent::Shipping),
    ("The tracking page has not changed for a week", Intent::Shipping),
    ("Can you deliver to my neighbour?", Intent::Shipping),
    ("Customs wants a document for my package", Intent::Shipping),
    ("I forgot my password and the reset mail never comes", Intent::Account),
    ("How do I change the email address I sign in with?", Intent::Account),
    ("Somebody else has logged into my profile", Intent::Account),
    ("Please delete my user account", Intent::Account),
    ("The app crashes as soon as I open it", Intent::Technical),
    ("My thermostat shows error E17", Intent::Technical),
    ("The camera does not connect to the wifi", Intent::Technical),
    ("After the update the lamp blinks and nothing else works", Intent::Technical),
    ("Can you recommend a recipe for lentil soup?", Intent::Other),
    ("What is the capital of Peru?", Intent::Other),
    ("Tell me a joke", Intent::Other),
    ("Who won the football match yesterday?", Intent::Other),
];

#[tokio::test]
#[ignore = "long: it asks a model of 1.5 billion weights"]
async fn long_a_capable_model_routes() {
    let Some(llama) = Llama::start(Model::Qwen) else { return };
    let router = LlmRouter::<_, Intent>::new(Chat::new(Server::new(llama.base()), "qwen"));
    let mut right = 0;
    for (text, intent) in MESSAGES {
        let decision = router.decide(text).await.unwrap();
        println!(
            "{:?} ({}) for {text:?}",
            decision.route,
            if decision.route == intent { "right" } else { "wrong" }
        );
        right += usize::from(decision.route == intent);
    }
    println!("{right} of {} right", MESSAGES.len());
    assert!(right >= 18, "{right} of {}", MESSAGES.len());
}

/// The temperature in a city now, in degrees Celsius.
#[tool(reads)]
async fn temperature(
    /// The city's name.
    city: String,
) -> Result<String> {
    Ok(if city.contains("Oslo") { "17 degrees" } else { "23 degrees" }.to_owned())
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Person {
    name: String,
    age: u8,
}

#[tokio::test]
#[ignore = "long: it asks a model of 1.5 billion weights"]
async fn long_a_capable_model_uses_tools_and_answers_with_values() {
    let Some(llama) = Llama::start(Model::Qwen) else { return };
    let model = Chat::new(Server::new(llama.base()).with_timeout(std::time::Duration::from_mins(3)), "qwen");
    // It writes a call as text, so it is told of tools in words.
    let model = PromptedTools::new(model);
    let abilities = Abilities { stops_at_length: true, one_of: true, json: true, tools: true };
    conformance::check(&model, abilities).await.unwrap();

    let agent = React::new(&model, temperature::tool()).max_turns(4).max_tokens(128).temperature(0.0);
    let done = agent.run("Use the tool: what is the temperature in Oslo?").await.unwrap();
    println!("{} after {} calls", done.value, done.calls);
    assert!(done.calls >= 1 && done.value.contains("17"), "{}", done.value);

    let request =
        ChatRequest::new(vec![Message::user("Who? Anna Berg, aged 31, from Bergen.")]).max_tokens(64);
    let answer = structured::<Person>(&model, request).await.unwrap().value;
    assert!(answer.name.contains("Anna") && answer.age == 31, "{} {}", answer.name, answer.age);
}
