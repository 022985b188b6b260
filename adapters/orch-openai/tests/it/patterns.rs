//! Each pattern on a real server. So small a model says little that is right: what is held here is what must hold whatever
//! a model says. Every run ends by an answer or by a bound that has a name, within its budget, and nothing is lost.

use std::time::Duration;

use futures_util::StreamExt as _;
use orch_core::agent::escalation::{AskPerson, Verdict, desk};
use orch_core::agent::team::{Member, Workspace, debate};
use orch_core::agent::{
    AgentError, AgentEvent, Improve, PlanError, PlanExecute, React, Review, TreeOfThought,
};
use orch_core::event::{Emitter, bus};
use orch_core::guard::{Guarded, Length, NoSecrets, PersonalData};
use orch_core::memory::{InMemory, Memory};
use orch_core::model::{
    ChatModel, ChatReply, ChatRequest, Message, Metered, Paced, Price, PromptedTools, ScriptedModel,
    ToolCall, ToolChoice,
};
use orch_core::retrieve::{
    Chunker, Document, Index, MemoryStore, ModelReranker, Reranker, Retrieved, cited, grounded_prompt,
};
use orch_core::structured::ExtractError;
use orch_core::{Budget, Event, Kind, Limits, Result, prompt, tool, workflow};
use orch_openai::{Chat, Embeddings, Server};
use testkit::{Llama, Model};

/// How long one call may take here.
const LIMIT: Duration = Duration::from_mins(1);

fn model(llama: &Llama) -> Paced<Chat> {
    Paced::new(Chat::new(Server::new(llama.base()), "smollm2"))
        .timeout(LIMIT)
        .retried(2, Duration::from_millis(50)..=Duration::from_millis(200))
}

/// The temperature in a city, in degrees.
#[tool(reads)]
async fn temperature(city: String) -> Result<u32> {
    Ok(u32::try_from(city.len()).unwrap_or(0))
}

/// A run that ended otherwise than by an answer says by which bound, and has kept the conversation.
fn named<T>(run: &Result<T, AgentError>) {
    if let Err(error) = run {
        assert!(!error.messages.is_empty() && !error.to_string().is_empty(), "{error}");
        assert!(error.turns >= 1);
    }
}

#[tokio::test]
async fn agents_end_within_their_budget() {
    let Some(llama) = Llama::start(Model::SmolLm2) else { return };
    let budget = Budget::new(Limits::new().calls(40).tokens(60_000));
    let paid = Metered::new(model(&llama), &budget, Price::default());

    // It knows no tools, and is told of them in words.
    let agent = React::new(PromptedTools::new(&paid), temperature::tool()).max_turns(3).max_tokens(48);
    let run = agent.run("How warm is it in Oslo? Ask for the temperature.").await;
    named(&run);
    let mut turns = 0;
    let mut events = std::pin::pin!(agent.stream("How warm is it in Bergen?"));
    while let Some(event) = events.next().await {
        turns += u32::from(matches!(event, Ok(AgentEvent::Turn { .. })));
    }
    assert!((1..=3).contains(&turns), "{turns}");

    let planner = PlanExecute::<_, String>::new(&paid).max_steps(2).max_revisions(1).max_tokens(96);
    let mut done = 0;
    match planner.run("Name a colour.", async |step: String, _| Ok(format!("done: {step}"))).await {
        Ok(run) => done = run.done.len(),
        Err(PlanError { done: kept, usage, .. }) => {
            done = done.max(kept.len());
            assert!(usage.total() > 0);
        }
    }
    assert!(done <= 2);

    let tree = TreeOfThought::new(&paid, &paid).branches(2).depth(1).beam(1);
    if let Ok(thought) = tree.run("Name a colour.").await {
        assert!(thought.score <= 10 && thought.path.len() == 1 && thought.usage.total() > 0);
    }

    let short = React::new(&paid, ()).max_turns(1).max_tokens(16);
    let notes: Workspace<String> = Workspace::with_room_for(4);
    let members = (
        Member::new("first", "Answers.", short.clone()),
        Member::new(
            "second",
            "Answers too.",
            React::new(&paid, notes.tools("second")).max_turns(1).max_tokens(16),
        ),
    );
    let debated = debate(&members, "Red or blue?", 2).await;
    assert!((1..=2).contains(&debated.rounds.len()) && debated.rounds.iter().all(|round| round.len() == 2));

    let improved = Improve::rounds(2)
        .run(
            async |_: Option<(String, String)>| {
                Ok(paid.chat(&prompt!("Write one word.").max_tokens(8)).await?.text)
            },
            async |draft: String| {
                Ok(if draft.len() < 8 { Review::Accept } else { Review::Revise("Shorter.".to_owned()) })
            },
        )
        .await
        .unwrap();
    assert!((1..=2).contains(&improved.rounds));
    let spent = budget.spent();
    assert!(spent.calls() > 5 && spent.calls() <= 40, "{spent:?}");
}

/// Paints the wall.
#[tool]
#[effect]
async fn paint(colour: String) -> Result<String> {
    Ok(format!("The wall is {colour}."))
}

type Paid = Metered<Paced<Chat>>;

#[derive(Event)]
#[event(context = Paid)]
enum Brief {
    #[on(describe)]
    Came(String),
}

async fn describe(model: &Paid, what: &str, _: &Emitter<Brief>) -> Result<()> {
    model.chat(&ChatRequest::new(vec![Message::user(what)]).max_tokens(8)).await?;
    Ok(())
}

#[tokio::test]
async fn members_people_and_events_reach_a_server() {
    let Some(llama) = Llama::start(Model::SmolLm2) else { return };
    let budget = Budget::new(Limits::new().calls(6));
    let paid = || Metered::new(model(&llama), &budget, Price::default());

    // Who asks is scripted, so that it surely asks: a member that has the server, and then a person.
    let member = Member::new("painter", "Names colours.", React::new(paid(), ()).max_turns(1).max_tokens(8));
    let boss = ScriptedModel::new("boss")
        .calls("painter", r#"{"task": "Name a colour."}"#)
        .calls("paint", r#"{"colour": "blue"}"#)
        .says("It is done.");
    let (desk, mut inbox) = desk::<ToolCall, Verdict>(1);
    let person = tokio::spawn(async move {
        let asked = inbox.next().await.unwrap();
        let name = asked.question.tool.clone();
        (name, asked.answer(Verdict::Allowed))
    });
    let agent = React::new(boss, (member, paint::tool())).approved_by(AskPerson { desk, limit: LIMIT });
    let done = agent.run("Have the wall painted.").await.unwrap();
    assert_eq!((done.value.as_str(), done.calls), ("It is done.", 2));
    assert_eq!(person.await.unwrap(), ("paint".to_owned(), true));
    assert!(done.messages.iter().any(|message| message.text() == "The wall is blue."));
    let by_member = budget.spent().calls();
    assert!((1..=3).contains(&by_member), "the member asked the server: {by_member}");

    let (sender, briefs) = bus(4);
    sender.send(Brief::Came("Say one word.".to_owned())).await.unwrap();
    sender.send(Brief::Came("Say another.".to_owned())).await.unwrap();
    drop(sender);
    let drained = briefs.run(&paid(), |_| {}).await;
    assert_eq!((drained.completed, drained.failed), (2, 0));
    assert!(budget.spent().calls() >= by_member + 2);
}

#[tokio::test]
async fn a_budget_and_guards_hold_in_front_of_a_server() {
    let Some(llama) = Llama::start(Model::SmolLm2) else { return };
    let budget = Budget::new(Limits::new().calls(2));
    let paid = Metered::new(model(&llama), &budget, Price { input: 1.0, output: 2.0 });
    let request = ChatRequest::new(vec![Message::user("Say one word.")]).max_tokens(8).seed(7).top_p(0.9);
    let reply = paid.chat(&request).await.unwrap();
    assert!(reply.usage.total() > 0);
    ChatReply::collect("smollm2", paid.stream(&request)).await.unwrap();
    assert_eq!(paid.chat(&request).await.unwrap_err().kind(), Kind::Budget);

    let guarded =
        Guarded::new(model(&llama), (Length::at_most(100), PersonalData::masked()), NoSecrets::masked());
    let long = ChatRequest::new(vec![Message::user("x".repeat(101))]).max_tokens(8);
    assert_eq!(guarded.chat(&long).await.unwrap_err().kind(), Kind::Guard);
    let personal = ChatRequest::new(vec![Message::user("Repeat: ann@example.org")]).max_tokens(16);
    let said = guarded.chat(&personal).await.unwrap().text;
    assert!(!said.contains("ann@example.org"), "the model never saw it: {said}");

    let stopped =
        ChatRequest::new(vec![Message::user("Count: one two three four")]).max_tokens(24).stop_at("two");
    let said = model(&llama).chat(&stopped.tool_choice(ToolChoice::None)).await.unwrap().text;
    assert!(!said.contains("two"), "{said}");
}

#[tokio::test]
async fn a_memory_is_compacted_by_a_server() {
    let Some(llama) = Llama::start(Model::SmolLm2) else { return };
    let memory = Memory::new(InMemory::new());
    for number in 0..6 {
        let said = [Message::user(format!("My {number}. order is late.")), Message::assistant("I am sorry.")];
        memory.record("ann", &said).await.unwrap();
    }
    // A summary that is not whole is no summary: then all is as it was.
    match memory.compact("ann", &model(&llama), 20).await {
        Ok(done) => assert!(done && memory.recall("ann", 20).await.unwrap()[0].text().contains("<notes>")),
        Err(error) => {
            assert!(error.to_string().contains("no whole summary"), "{error}");
            assert_eq!(memory.recall("ann", 10_000).await.unwrap().len(), 12);
        }
    }
}

workflow!(
    async fn answer(
        index: &Index<Embeddings, MemoryStore>,
        model: &Paced<Chat>,
        question: String,
    ) -> Result<(usize, bool)> {
        let found = index.search(&question, 2).await?;
        let hits = match found {
            Retrieved::Found(hits) => hits,
            Retrieved::Nothing => return Ok((0, true)),
        };
        let hits = ModelReranker::new(model).rerank(&question, hits).await?;
        let request = grounded_prompt(&question, &hits).max_tokens(32);
        let reply = model.chat(&request).await?;
        let sound = cited(&reply.text, &hits).is_sound();
        Ok((hits.len(), sound))
    }
);

#[tokio::test]
async fn passages_are_found_reranked_and_cited() {
    let Some(llama) = Llama::start(Model::SmolLm2) else { return };
    let Some(embedding) = Llama::start(Model::SmolLm2Embeddings) else { return };
    let encoder = Embeddings::connect(Server::new(embedding.base()), "smollm2").await.unwrap();
    let index = Index::new(encoder, MemoryStore::new(), Chunker::sentences(60, 0));
    let text = "A hub connects devices. Orders can be returned within 30 days. The lamp has 3 colours.";
    assert!(index.add(&Document::new("manual", text)).await.unwrap() >= 1);
    match answer(&index, &model(&llama), "What does a hub do?".to_owned()).await {
        Ok((hits, _)) => assert!(hits <= 2),
        // Its scores may be no scores.
        Err(error) => {
            assert!(error.path().contains("rerank") && error.downcast_ref::<ExtractError>().is_none());
        }
    }
}
