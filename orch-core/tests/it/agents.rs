//! Agents.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orch_core::agent::escalation::{AskPerson, Unanswered, Verdict, desk};
use orch_core::agent::team::{Member, Workspace, debate};
use orch_core::agent::{PlanErrorKind, PlanExecute, React, TreeOfThought};
use orch_core::model::{
    ChatReply, ChatRequest, Message, Metered, Price, ScriptedModel, ToolCall, ToolSpec, Usage,
};
use orch_core::tool::{Effect, FunctionTool};
use orch_core::{Budget, Error, Kind, Limits, Result, tool, vote, workflow};

/// Reads a page.
#[tool(reads)]
pub(crate) async fn read(count: &AtomicU32, page: u32) -> Result<String> {
    count.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(format!("page {page}"))
}

/// Sends a letter.
#[tool]
#[effect]
pub(crate) async fn send(count: &AtomicU32, to: String) -> Result<String> {
    let number = count.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(format!("letter {number} to {to}"))
}

pub(crate) fn call(tool: &str, arguments: &str) -> ToolCall {
    ToolCall::new("", tool, arguments)
}

/// What every conversation must hold: each call has exactly one result, right after it.
pub(crate) fn every_call_has_its_result(messages: &[Message]) {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        match message {
            Message::Assistant { calls, .. } => {
                assert!(open.is_empty(), "calls without a result: {open:?}");
                open = calls.iter().map(|call| call.id.as_str()).collect();
                assert_eq!(open.iter().collect::<HashSet<_>>().len(), open.len(), "ids are told apart");
            }
            Message::Tool(result) => {
                let place = open.iter().position(|id| *id == result.id).expect("a result is of a call");
                open.remove(place);
            }
            _ => assert!(open.is_empty()),
        }
    }
    assert!(open.is_empty());
}

#[tokio::test(start_paused = true)]
async fn reading_runs_at_once_and_writing_in_order() {
    let (reads, sends) = (AtomicU32::new(0), AtomicU32::new(0));
    let calls = vec![
        call("read", r#"{"page": 1}"#),
        call("read", r#"{"page": 2}"#),
        call("send", r#"{"to": "Ann"}"#),
        call("send", r#"{"to": "Bob"}"#),
        call("read", r#"{"page": 3}"#),
    ];
    let model = ScriptedModel::new("m").replies(ChatReply::asking(calls, Usage::default())).says("done");
    let agent = React::new(model, (read::tool(&reads), send::tool(&sends)));
    let began = tokio::time::Instant::now();
    let done = agent.run("go").await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(400), "two at once, two in order, one");
    let texts: Vec<&str> = done
        .messages
        .iter()
        .filter(|message| matches!(message, Message::Tool(_)))
        .map(Message::text)
        .collect();
    assert_eq!(texts, ["page 1", "page 2", "letter 0 to Ann", "letter 1 to Bob", "page 3"]);
    every_call_has_its_result(&done.messages);
    assert_eq!((done.turns, done.calls), (2, 5));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_asked_before_something_changes() {
    let (desk, mut inbox) = desk::<ToolCall, Verdict>(4);
    let person = tokio::spawn(async move {
        let first = inbox.next().await.unwrap();
        assert!(first.question.arguments.contains("Ann"));
        first.answer(Verdict::Denied { reason: "not to Ann".to_owned() });
        let _never_answered = inbox.next().await.unwrap();
        tokio::time::sleep(Duration::from_hours(1)).await;
    });
    let (reads, sends) = (AtomicU32::new(0), AtomicU32::new(0));
    let model = ScriptedModel::new("m")
        .calls("read", r#"{"page": 1}"#)
        .calls("send", r#"{"to": "Ann"}"#)
        .calls("send", r#"{"to": "Bob"}"#)
        .says("I could not.");
    let agent = React::new(model, (read::tool(&reads), send::tool(&sends)))
        .approved_by(AskPerson { desk: desk.clone(), limit: Duration::from_mins(1) });
    let done = agent.run("write to Ann and Bob").await.unwrap();
    assert_eq!((reads.into_inner(), sends.into_inner()), (1, 0));
    let said: Vec<&str> =
        done.messages.iter().map(Message::text).filter(|text| text.contains("not allowed")).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("not to Ann") && said[1].contains("nobody answered within 60s"));
    person.abort();
    let _ = person.await;
    assert_eq!(desk.ask(call("x", ""), Duration::from_secs(1)).await.unwrap_err(), Unanswered::Nobody);
    assert_eq!(desk.ask(call("x", ""), Duration::MAX).await.unwrap_err(), Unanswered::Nobody);
}

workflow!(
    async fn ask(agent: &React<ScriptedModel, ()>, question: String) -> Result<String> {
        #[timeout(5s)]
        let answer = agent.run(question).await?;
        Ok(answer.value)
    }
);

#[tokio::test]
async fn an_agent_is_a_step_and_its_conversation_goes_on() {
    let agent =
        React::new(ScriptedModel::new("m").says("one").says("two").says("three"), ()).system("Count.");
    assert_eq!(ask(&agent, "go".to_owned()).await.unwrap(), "one");
    let first = agent.run("go").await.unwrap();
    let second = agent.go_on(first.messages, "on").await.unwrap();
    let texts: Vec<&str> = second.messages.iter().map(Message::text).collect();
    assert_eq!(texts, ["Count.", "go", "two", "on", "three"]);
}

#[tokio::test]
async fn a_plan_is_changed_by_what_came_of_it() {
    let planner = ScriptedModel::new("planner")
        .says(r#"{"answer": null, "steps": ["a", "b", "c"]}"#)
        .says(r#"{"answer": null, "steps": ["d"]}"#)
        .says(r#"{"answer": "fine", "steps": []}"#);
    let run = PlanExecute::<_, String>::new(planner.clone())
        .run(
            "task",
            async |step: String, _| {
                if step == "b" { Err(Error::message("b is shut")) } else { Ok(step.to_uppercase()) }
            },
        )
        .await
        .unwrap();
    let steps: Vec<&str> = run.done.iter().map(|run| run.step.as_str()).collect();
    assert_eq!(
        (steps.as_slice(), run.revisions),
        (["a", "b", "d"].as_slice(), 1),
        "c was not done after b failed"
    );
    let told = planner.asked()[1].messages.last().unwrap().text().to_owned();
    assert!(told.contains("\"a\" gave: A") && told.contains("\"b\" failed: b is shut"), "{told}");

    let simple = ScriptedModel::new("planner").says(r#"{"answer": "4", "steps": []}"#);
    let run = PlanExecute::<_, String>::new(simple).run("2 + 2", async |_, _| Ok(String::new())).await;
    assert!(run.unwrap().done.is_empty(), "a simple task needs no steps");

    let stuck = ScriptedModel::new("planner")
        .answers(|_| Ok(ChatReply::new(r#"{"answer": null, "steps": ["again"]}"#, Usage::default())));
    let error =
        PlanExecute::<_, String>::new(stuck).run("task", async |_, _| Ok(String::new())).await.unwrap_err();
    assert!(matches!(error.kind, PlanErrorKind::Revisions { max: 2 }) && error.done.len() == 3);
}

#[tokio::test]
async fn a_tree_answers_with_the_best_line_that_survived() {
    // In the first round `b` is pruned although nothing after `a` and `c` is as good.
    let score = |request: &ChatRequest| {
        let text = request.messages.last().map(Message::text).unwrap_or_default();
        let score = match text {
            text if text.contains("2. ") => 3,
            text if text.contains("1. a") => 8,
            text if text.contains("1. b") => 6,
            _ => 7,
        };
        Ok(ChatReply::new(format!(r#"{{"score": {score}, "solved": false}}"#), Usage::default()))
    };
    let write = |request: &ChatRequest| {
        let text = request.messages.last().map(Message::text).unwrap_or_default();
        let thoughts = if text.contains("none") { r#"["a", "b", "c"]"# } else { r#"["x", "y"]"# };
        Ok(ChatReply::new(format!(r#"{{"thoughts": {thoughts}}}"#), Usage::default()))
    };
    let tree =
        TreeOfThought::new(ScriptedModel::new("w").answers(write), ScriptedModel::new("s").answers(score));
    let best = tree.branches(3).beam(2).depth(2).run("task").await.unwrap();
    assert_eq!((best.path, best.score), (vec!["a".to_owned(), "x".to_owned()], 3));
}

#[tokio::test(start_paused = true)]
async fn a_team_delegates_asks_for_help_and_shares_its_budget() {
    let budget = Budget::new(Limits::new().calls(3));
    let metered = |model: ScriptedModel| Metered::new(model, &budget, Price::default());
    let expert = React::new(metered(ScriptedModel::new("expert").says("Use brass.")), ());
    let expert = Member::new("expert", "Knows metals.", expert);
    let helper = metered(
        ScriptedModel::new("worker").calls("expert", r#"{"task": "which metal?"}"#).says("Brass it is."),
    );
    let worker = Member::new("worker", "Designs hinges.", React::new(helper, (expert,)));
    let boss =
        ScriptedModel::new("boss").calls("worker", r#"{"task": "design a hinge"}"#).says("A brass hinge.");
    let done = React::new(boss, (worker,)).run("a hinge, please").await.unwrap();
    assert_eq!(done.value, "A brass hinge.");
    assert_eq!(budget.spent().calls(), 3);
    assert_eq!(budget.reserve(orch_core::Spending::new(1, 0, 0.0)).unwrap_err().kind(), Kind::Budget);

    let workspace = Workspace::with_room_for(2);
    let mut reader = workspace.reader();
    workspace.post("a", 1).unwrap();
    let late = workspace.clone();
    let read = tokio::spawn(async move { (reader.next().await, reader.next().await, reader.next().await) });
    tokio::time::sleep(Duration::from_secs(1)).await;
    late.post("b", 2).unwrap();
    assert_eq!(late.post("c", 3).unwrap_err().room, 2);
    drop((workspace, late));
    let (first, second, third) = read.await.unwrap();
    assert_eq!((first.unwrap().entry, second.unwrap().entry, third), (1, 2, None));
}

#[tokio::test]
async fn a_debate_ends_when_they_agree_and_a_vote_decides() {
    let member = |name: &str, answers: [&str; 3]| {
        let model = answers.iter().fold(ScriptedModel::new(name), |model, answer| model.says(*answer));
        Member::new(name, "Debates.", React::new(model, ()))
    };
    let members = [
        member("a", ["red", "red", "-"]),
        member("b", ["blue", "red", "-"]),
        member("c", ["green", "red", "-"]),
    ];
    let held = debate(&members, "Which colour?", 3).await;
    assert_eq!(held.rounds.len(), 2, "they agree in the second");
    let answers: Vec<&str> = held.answers().into_iter().map(|(_, answer)| answer).collect();
    let elected = vote::majority(answers).unwrap();
    assert_eq!(elected.winner, "red");
}

#[tokio::test]
async fn a_refusal_ends_a_search_whatever_fails_beside_it() {
    let (count, nothing_left) = (AtomicU32::new(0), Budget::new(Limits::new().calls(0)));
    let judge = ScriptedModel::new("s").answers(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Err(nothing_left.reserve(orch_core::Spending::new(1, 0, 0.0)).unwrap_err()),
        1 => Err(Error::message("down")),
        _ => Ok(ChatReply::new(r#"{"score": 5, "solved": false}"#, Usage::default())),
    });
    let writer = ScriptedModel::new("w")
        .answers(|_| Ok(ChatReply::new(r#"{"thoughts": ["a", "b", "c"]}"#, Usage::default())));
    let error = TreeOfThought::new(writer, judge).branches(3).depth(2).run("task").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Budget);
}

#[tokio::test]
async fn the_words_of_an_error_are_bounded_too() {
    let spec = ToolSpec {
        name: "boom".into(),
        description: "Fails at length.".into(),
        parameters: r#"{"type": "object"}"#.into(),
    };
    let tool = FunctionTool::new(spec, Effect::Reads, |_| async { Err(Error::message("x".repeat(1 << 20))) });
    let model = ScriptedModel::new("m").calls("boom", "{}").says("done");
    let done = React::new(model, tool).run("go").await.unwrap();
    let said = done.messages.iter().find(|message| message.role() == "tool").unwrap().text();
    assert!(said.ends_with("bytes left out]") && said.len() < 17_000, "{}", said.len());
}
