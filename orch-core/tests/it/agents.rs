//! Agents, and models that do their worst.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use orch_core::agent::escalation::{AskPerson, Unanswered, Verdict, desk};
use orch_core::agent::team::{Member, Workspace, debate};
use orch_core::agent::{AgentErrorKind, PlanErrorKind, PlanExecute, React, StepRun, TreeOfThought};
use orch_core::model::{
    ChatReply, ChatRequest, Finish, Message, Metered, Price, ScriptedModel, ToolCall, Usage,
};
use orch_core::{Budget, Error, Kind, Limits, Result, tool, vote, workflow};

/// Reads a page.
#[tool(reads)]
async fn read(count: &AtomicU32, page: u32) -> Result<String> {
    count.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(format!("page {page}"))
}

/// Sends a letter.
#[tool]
#[effect]
async fn send(count: &AtomicU32, to: String) -> Result<String> {
    let number = count.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(format!("letter {number} to {to}"))
}

fn call(tool: &str, arguments: &str) -> ToolCall {
    ToolCall { id: String::new(), tool: tool.to_owned(), arguments: arguments.to_owned() }
}

/// What every conversation must hold: each call has exactly one result, right after it.
fn every_call_has_its_result(messages: &[Message]) {
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

/// A model that does its worst, the same for the same seed.
fn adversary(seed: u64, asked: &Arc<AtomicU32>) -> ScriptedModel {
    let (state, asked) = (AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1), Arc::clone(asked));
    let next = move |bound: u64| {
        let mut x = state.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.store(x, Ordering::Relaxed);
        x % bound
    };
    ScriptedModel::new("adversary").takes(Duration::from_millis(seed % 50)).answers(move |request| {
        asked.fetch_add(1, Ordering::Relaxed);
        every_call_has_its_result(&request.messages);
        let usage = Usage { input_tokens: 10, output_tokens: next(40) };
        let one = |kind: u64| match kind {
            0 => call("read", r#"{"page": 1}"#),
            1 => call("read", &format!(r#"{{"page": {}}}"#, next(1_000))),
            2 => call("rm -rf", "{}"),
            3 => call("read", r#"{"page": "#),
            4 => call("send", r#"{"to": "everyone"}"#),
            5 => call("", ""),
            6 => call("read", &"[".repeat(5_000)),
            _ => ToolCall { id: "same".to_owned(), ..call("read", r#"{"page": 9}"#) },
        };
        Ok(match next(12) {
            0 => return Err(Error::message("overloaded")),
            1 => ChatReply::new("", usage),
            2 => ChatReply::new("{\"steps\": [\"again\"], \"answer\": null}", usage),
            3 => ChatReply::new("x".repeat(100_000), usage).finish(Finish::Length),
            4 if next(4) == 0 => ChatReply::new("", usage).finish(Finish::Filtered),
            5 => ChatReply::asking((0..50).map(|_| one(next(8))).collect(), usage),
            6 => ChatReply::new("{\"thoughts\": [\"a\", \"a\", \"\", \"b\", \"c\", \"d\", \"e\"]}", usage),
            7 => ChatReply::new("{\"score\": 200, \"solved\": false}", usage),
            _ => ChatReply::asking(vec![one(next(8))], usage).finish(Finish::Stop),
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_thousand_adversaries_exceed_no_bound() {
    let mut ends = [0_u32; 6];
    for seed in 0..1_000 {
        let (turns, a_turn) = (1 + (seed % 12) as u32, (seed % 5) as usize);
        let asked = Arc::new(AtomicU32::new(0));
        let (reads, sends) = (AtomicU32::new(0), AtomicU32::new(0));
        let budget = Budget::new(Limits::new().calls(2 + seed % 9).tokens(40_000_000));
        let model = Metered::new(adversary(seed, &asked), &budget, Price::default());
        let agent =
            React::new(model, (read::tool(&reads), send::tool(&sends))).max_turns(turns).max_calls(a_turn);
        let ended = if seed % 2 == 0 {
            agent.run("go").await.map(|done| (done.turns, done.messages))
        } else {
            agent.run_as::<Vec<u32>>("go").await.map(|done| (done.turns, done.messages))
        };
        let asked = asked.load(Ordering::Relaxed);
        assert!(asked <= turns && u64::from(asked) <= 2 + seed % 9, "seed {seed}: {asked}");
        let made = reads.into_inner() + sends.into_inner();
        assert!(made as usize <= a_turn * turns as usize, "seed {seed}: {made} calls");
        let (used, messages, end) = match ended {
            Ok((used, messages)) => (used, messages, 0),
            Err(error) => {
                let end = match error.kind {
                    AgentErrorKind::Turns { max } if max == turns => 1,
                    AgentErrorKind::Repeats { .. } => 2,
                    AgentErrorKind::Filtered => 3,
                    AgentErrorKind::Answer(_) => 4,
                    AgentErrorKind::Model(_) => 5,
                    other => panic!("{other:?}"),
                };
                (error.turns, error.messages, end)
            }
        };
        assert!(used <= turns);
        every_call_has_its_result(&messages);
        ends[end] += 1;
    }
    assert!(ends.iter().all(|count| *count > 0), "every way to end is seen: {ends:?}");
}

#[tokio::test(start_paused = true)]
async fn planners_and_trees_exceed_no_bound_either() {
    for seed in 0..1_000 {
        let asked = Arc::new(AtomicU32::new(0));
        let executed = AtomicU32::new(0);
        let planner = PlanExecute::<_, String>::new(adversary(seed, &asked)).max_steps(5).max_revisions(3);
        let run = planner
            .run("go", async |step: String, done: Vec<StepRun<String>>| {
                executed.fetch_add(1, Ordering::Relaxed);
                assert!(done.len() < 5);
                if seed % 3 == 0 { Err(Error::message("broken")) } else { Ok(format!("did {step}")) }
            })
            .await;
        assert!(run.is_err(), "it never answers");
        assert!(executed.into_inner() <= 5);
        // A plan, three changes of it, one that is one too many; each may be asked for twice.
        assert!(asked.load(Ordering::Relaxed) <= 10);

        let asked = Arc::new(AtomicU32::new(0));
        let tree = TreeOfThought::new(adversary(seed, &asked), adversary(seed + 7, &asked));
        let found = tree.branches(3).depth(3).beam(2).run("go").await;
        assert!(asked.load(Ordering::Relaxed) <= 2 * 3 * 2 * (1 + 3));
        if let Ok(found) = found {
            assert!(found.score <= 10 && (1..=3).contains(&found.path.len()));
        }
    }
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
